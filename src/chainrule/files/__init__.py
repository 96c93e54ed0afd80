"""Files that are written whole or not at all, and the one kind that holds tensors with a record."""
