"""Paths, in an environment's output, of the files that more than one emitter names."""

from __future__ import annotations

LITELLM_CONFIGURATION = "litellm/config.yaml"
"""LiteLLM's configuration file."""

ROUTES = "gateway/routes.json"
"""The gateway's routes document."""
