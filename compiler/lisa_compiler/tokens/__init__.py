"""API tokens in the token table of a deployment."""
