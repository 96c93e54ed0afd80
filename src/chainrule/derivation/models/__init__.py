"""Models of other libraries: scikit-learn, PyTorch, Keras."""
