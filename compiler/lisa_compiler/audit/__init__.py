"""Content that the gateway has recorded: read and decrypted with the reader's permissions."""
