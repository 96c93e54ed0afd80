"""Splitting a table: rows at random, by groups or in order of time, into a share or into folds."""
