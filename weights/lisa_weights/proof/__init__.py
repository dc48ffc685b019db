"""Proofs that a model loads: its architecture is built without memory, and every tensor is accounted for."""
