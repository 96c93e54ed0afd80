"""A document as data, and what writes it: as text, HTML, LaTeX and Markdown."""
