"""A project on disk: its configuration files, its environments, and the files that they name by path."""
