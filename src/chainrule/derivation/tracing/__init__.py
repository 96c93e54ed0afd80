"""One step of training written out: formula, shapes, numbers, reason."""
