"""Foreign: sources that DuckDB does not read, as files or objects that it does."""
