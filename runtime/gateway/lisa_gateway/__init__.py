"""The REST API container: authentication in front of the LiteLLM proxy. In this release it only says so."""
