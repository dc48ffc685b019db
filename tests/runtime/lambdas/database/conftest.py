"""The database that the repository's tests share."""

from __future__ import annotations

from runtime.lambdas.repository.conftest import aws_endpoint, aws_environment, database_server

__all__ = ["aws_endpoint", "aws_environment", "database_server"]
