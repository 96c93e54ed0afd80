"""The gradient checker: the catalogue of mistakes, and the search for the fewest that explain wrong gradients."""
