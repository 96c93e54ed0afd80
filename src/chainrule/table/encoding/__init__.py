"""Encoding typed columns as the network's input matrix."""
