"""The child process: reads a document from standard input and writes its chunks to standard output.

Each line of the output is a JSON array of page (or null) and text. A refusal is an exit code (extraction.request); no
other result is needed, since the function reads the output only after exit code 0. Limits are set before the parsers
are imported and before the first byte of the document is read. This process has no credentials; an audit hook refuses
connections and further processes from Python code, as a second line of defense behind parsers that use neither.
"""

from __future__ import annotations

import errno
import json
import logging
import sys
from typing import Any, TextIO, Tuple

from lisa_lambdas.errors import ApiError, TooLargeError
from lisa_lambdas.repository.documents import read_sections
from lisa_lambdas.repository.extraction.request import EXIT_MEMORY, EXIT_OUTPUT, EXIT_REFUSED, ExtractionRequest
from lisa_lambdas.repository.splitting import split_text

_FORBIDDEN = ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system")


def main(request: ExtractionRequest) -> int:
    """Read the document; returns the exit code."""
    request.limits.apply()
    sys.addaudithook(_refuse_access)
    logging.disable(logging.CRITICAL)  # one warning of a parser for each object of a damaged file helps no one
    try:
        _write_chunks(request, sys.stdout)
        sys.stdout.flush()
    except ApiError as error:
        sys.stderr.write(f"\n{json.dumps({'code': error.code, 'message': error.message})}")
        return EXIT_REFUSED
    except MemoryError:
        return EXIT_MEMORY
    except OSError as error:
        if error.errno == errno.EFBIG:
            return EXIT_OUTPUT
        if error.errno == errno.ENOMEM:
            return EXIT_MEMORY
        raise
    return 0


def _write_chunks(request: ExtractionRequest, output: TextIO) -> None:
    count = written = 0
    for section in read_sections(request.name, sys.stdin.buffer):
        for text in split_text(section.text, request.size, request.overlap):
            count += 1
            if count > request.most:
                raise TooLargeError(
                    f"The document has more than {request.most} chunks, the remaining number for this request. Use "
                    "larger chunks, fewer documents in one request, or split the document."
                )
            line = json.dumps([section.page, text], ensure_ascii=False)
            written += len(line.encode()) + 1
            if written > request.limits.output_bytes:
                raise OSError(errno.EFBIG, "The chunks are too large. Use a smaller chunkSize.")
            output.write(f"{line}\n")


def _refuse_access(event: str, _arguments: Tuple[Any, ...]) -> None:
    if event.startswith(_FORBIDDEN):
        raise PermissionError(f"A document parser must not use {event}.")


if __name__ == "__main__":
    sys.exit(main(ExtractionRequest.from_json(sys.argv[1])))
