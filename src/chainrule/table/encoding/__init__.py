"""From typed columns to the matrix a network takes."""
