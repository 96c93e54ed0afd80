"""Activations and losses that the user brings: formulas, functions, and what they are checked for."""
