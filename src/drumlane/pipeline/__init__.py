"""Pipeline: a recording becomes a BeatSight map in one call."""
