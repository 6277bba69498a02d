"""text → statements with file, line and column. Knows nothing of variables."""
