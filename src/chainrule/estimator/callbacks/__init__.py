"""How an estimator calls its callbacks: calling them, their context, and scikit-learn's own protocol.

Ready-made callbacks are in `chainrule.callbacks`.
"""
