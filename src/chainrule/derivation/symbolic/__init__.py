"""SymPy at work: derivatives, their simplification, and the way between its expressions and ours."""
