"""Prices of EC2 instances on demand: a shipped table, and the one that a project imports and commits."""
