"""The session function: the chat sessions of a caller."""
