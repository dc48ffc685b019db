"""Compiling: a project's environment in, its output and its diagnostics out; and what says that nothing has changed."""
