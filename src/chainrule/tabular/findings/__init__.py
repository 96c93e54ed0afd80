"""What a person must know of a table: before training on it, and before predicting another one."""
