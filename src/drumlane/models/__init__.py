"""Models: the shipped networks and their cards."""
