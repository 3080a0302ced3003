"""What the authors of a destination test it with. Needs pytest."""
