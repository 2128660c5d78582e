"""The schema of the configs: every key, its type and its range, one file for each group."""
