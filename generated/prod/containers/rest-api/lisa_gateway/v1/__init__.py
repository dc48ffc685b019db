"""The deprecated routes below `/v1`, which LISA 2.x had before it put LiteLLM in front of the models."""
