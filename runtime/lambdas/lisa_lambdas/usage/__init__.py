"""The usage function: what callers have used."""
