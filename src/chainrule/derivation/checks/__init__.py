"""Checks by differences: a network's gradient, and a function's derivative."""
