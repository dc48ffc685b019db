"""The Python client of LISA. This release ships the package's place; the client comes with a later one."""

__all__ = ["VERSION"]

VERSION = "3.0.0"
"""Version of LISA that the client belongs to."""
