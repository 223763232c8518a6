"""Separation: the drums of a finished song by themselves, before it is transcribed."""
