"""Pages and documents: what all writers share."""
