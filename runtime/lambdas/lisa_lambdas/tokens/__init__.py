"""The tokens function: the API tokens of users, which they create, list and revoke themselves."""
