"""A trace as text, page, LaTeX document and plain data."""
