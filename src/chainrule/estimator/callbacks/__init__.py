"""How an estimator calls its callbacks: the protocol, what hooks are handed, and scikit-learn's own protocol.

Callbacks that are ready to use are in `chainrule.callbacks`.
"""
