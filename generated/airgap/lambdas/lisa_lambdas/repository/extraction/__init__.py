"""Text extraction from documents in a child process with resource limits (docs/decisions/0030)."""

from lisa_lambdas.repository.extraction.limits import ExtractionLimits
from lisa_lambdas.repository.extraction.process import OUT_OF_TIME, extract_chunks
from lisa_lambdas.repository.extraction.request import ExtractionRequest

__all__ = ["OUT_OF_TIME", "ExtractionLimits", "ExtractionRequest", "extract_chunks"]
