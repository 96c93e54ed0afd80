"""How a network is trained: segments of steps, the loop over epochs, L-BFGS, stopping and records."""
