"""Reading: files, queries and data frames to typed columns, whole or in batches."""
