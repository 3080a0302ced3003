"""Reading a board by its changes: whether that can be, what has changed, and the generation that comes of it."""
