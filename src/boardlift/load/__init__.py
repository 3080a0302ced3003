"""Stage, validate, promote, roll back, retain. Knows tables and destinations, and nothing of monday."""
