"""The version of the client, which is that of the LISA it belongs to."""

VERSION = "3.0.0"
