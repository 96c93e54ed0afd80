"""Atomic writing of files, and model files: safetensors with a checked JSON record."""
