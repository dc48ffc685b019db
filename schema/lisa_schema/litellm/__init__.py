"""LiteLLM's configuration file as a language: its names, its references, and what its routes call in AWS."""
