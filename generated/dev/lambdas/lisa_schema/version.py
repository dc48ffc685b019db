"""The version of LISA, which `tags` carry; pyproject.toml says the same (tested)."""

VERSION = "3.0.0"
