"""The pipeline of `chainrule train`: from any table to a trained network that predicts from tables."""
