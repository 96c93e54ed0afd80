"""Rows and columns in: read, understand, encode, split."""
