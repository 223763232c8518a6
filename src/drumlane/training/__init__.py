"""Training: Lightning around the networks."""
