"""Distributed training: shards, the sum of their gradients, Dask and MPI."""
