"""The derivation of a network, step by step, in symbols."""
