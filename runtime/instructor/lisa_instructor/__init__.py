"""An OpenAI-compatible server for embedding models that follow an instruction (the INSTRUCTOR family and its like)."""
