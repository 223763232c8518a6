"""BeatSight: its maps, ``.bsm`` (read and written) and the older ``.bs`` (read)."""
