"""What a reviewer of a model reads: its contents, findings and provenance."""
