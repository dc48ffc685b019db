"""Provenance: which keys of the configuration a generated value came from, in one index."""
