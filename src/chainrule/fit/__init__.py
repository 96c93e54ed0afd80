"""Train a network with given parameters on a dataset; without scikit-learn."""
