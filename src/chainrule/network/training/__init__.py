"""Training: segments of steps, the loop over epochs, L-BFGS, early stopping, hooks and the history."""
