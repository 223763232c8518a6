"""Audio: sound files, levels and features."""
