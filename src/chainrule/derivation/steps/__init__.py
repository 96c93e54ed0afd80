"""A trace as an ordered list of steps: formula, shapes, numbers, reason."""
