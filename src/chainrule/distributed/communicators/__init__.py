"""How the ranks of a training exchange arrays: within one process, over Dask's streams, or by MPI."""
