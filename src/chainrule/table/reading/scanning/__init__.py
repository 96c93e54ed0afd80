"""Scans: how files of one kind are read as one table."""
