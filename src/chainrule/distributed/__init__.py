"""One training on several machines: shards, their sums, Dask and MPI."""
