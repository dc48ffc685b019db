"""What the function and the child process send each other."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from lisa_lambdas.repository.extraction.limits import ExtractionLimits

EXIT_REFUSED = 3
"""Exit code: the last line of standard error is the refusal, JSON with `code` and `message`."""
EXIT_MEMORY = 4
"""Exit code: the limit of memory was reached."""
EXIT_OUTPUT = 5
"""Exit code: the limit of output was reached."""


@dataclass(frozen=True)
class ExtractionRequest:
    """How to read the document on standard input.

    Attributes:
        name: name of the document; its suffix determines the parser.
        size: maximum number of characters in a chunk.
        overlap: maximum number of characters that neighboring chunks share.
        most: maximum number of chunks.
        limits: what the process may use.
    """

    name: str
    size: int
    overlap: int
    most: int
    limits: ExtractionLimits

    def to_json(self) -> str:
        """Return the request as one argument of a command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> ExtractionRequest:
        """Return the request that to_json() wrote."""
        fields = json.loads(text)
        return cls(**{**fields, "limits": ExtractionLimits(**fields["limits"])})
