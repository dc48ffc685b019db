"""Proposals of the models API, made into changes of the configuration files."""
