"""The models function: hosted models with their live state, start and stop, and proposals of changes."""
