"""What the repository function takes to ingest documents and to search them."""
