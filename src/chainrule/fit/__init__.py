"""From parameters and a dataset to a trained network; without scikit-learn."""
