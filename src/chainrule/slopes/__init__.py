"""Functions of one number and their slopes by differences: what a stated derivative is measured against."""
