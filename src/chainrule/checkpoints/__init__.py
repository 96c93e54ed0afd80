"""Checkpoints of a training: their files, their writer, and the folder of a run."""
