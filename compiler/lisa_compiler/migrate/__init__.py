"""Migration of configurations of LISA 3 to 6 (awslabs): their files and the models in their database."""

from lisa_compiler.migrate.migration import Migration, MigrationError, migrate

__all__ = ["Migration", "MigrationError", "migrate"]
