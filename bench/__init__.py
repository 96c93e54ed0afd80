"""The benchmark suite: chainrule beside its peers on the same work. `python -m bench --help` tells how to run it."""
