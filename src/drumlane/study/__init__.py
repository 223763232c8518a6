"""Study: what comes around training: which settings, which thresholds, and whether to go on."""
