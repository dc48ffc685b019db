"""Emitters: each turns a deployment plan into files, {path: bytes}. They do not know each other."""
