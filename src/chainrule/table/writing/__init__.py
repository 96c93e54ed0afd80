"""From columns to files."""
