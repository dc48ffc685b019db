"""The repository function: documents, ingested, searched and purged."""
