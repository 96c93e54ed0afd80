"""Checkpoints of a training: their files, when they are written, and the folder of a run."""
