"""Prepares databases of repositories when they are deployed, as an administrator: schema, users and privileges."""
