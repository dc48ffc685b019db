"""The container's first program: it runs the gateway and LiteLLM, and replaces LiteLLM when its configuration changes.

`python -m lisa_gateway.supervisor` reads the configuration, starts both, and polls for another one. A LiteLLM with the
new configuration is started beside the old one, takes over when it answers, and the old one ends when its requests
have. See docs/decisions/0059-live-configuration.md.
"""
