"""Writing columns to files."""
