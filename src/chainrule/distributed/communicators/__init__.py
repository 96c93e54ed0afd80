"""How the ranks of a training talk to one another: in one process, over Dask's streams, or by MPI."""
