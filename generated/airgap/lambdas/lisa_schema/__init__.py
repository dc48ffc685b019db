"""The configuration of LISA: its models, its schema, its rules, and the diagnostics that explain what is wrong."""

from lisa_schema.diagnostics import Diagnostic, Origin, Severity
from lisa_schema.errors import ConfigurationError, LisaError
from lisa_schema.version import VERSION

__all__ = ["VERSION", "ConfigurationError", "Diagnostic", "LisaError", "Origin", "Severity"]
