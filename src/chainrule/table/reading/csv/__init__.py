"""Text files: encoding, dialect, records, and how DuckDB scans them."""
