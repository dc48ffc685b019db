"""The lock file, and what proves that files are those that it names: digests, completeness, what earlier runs saw."""
