"""Output on disk: generated/<env> is written atomically, described by its manifest, compared and read back."""
