"""The judge of somebody's gradients: the catalogue of mistakes, and the search for the fewest that explain."""
