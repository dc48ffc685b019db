"""The compression of archives: gzip, and zstd where a library for it is installed (Python has one from 3.14 on).

Source: RFC 1952 (gzip), RFC 8878 (zstd).
"""

from __future__ import annotations

import gzip
import importlib
import zlib
from types import ModuleType
from typing import IO, cast

from lisa_weights.errors import WeightsError

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_LIBRARIES = ("compression.zstd", "backports.zstd")


def decompressed(stream: IO[bytes], what: str) -> IO[bytes]:
    """Return the content of a stream, which is the stream itself where it is not compressed.

    Args:
        stream: at its beginning; it can be positioned.
        what: its name, for messages.

    Raises:
        WeightsError: it is compressed by zstd, and no library for it is installed.
    """
    start = stream.read(4)
    stream.seek(0)
    if start == _ZSTD:
        library = _zstd()
        if library is None:
            raise WeightsError(
                f"{what} is compressed by zstd: install `pip install 'lisa-gitops[zstd]'`, or decompress it first with "
                f"`unzstd {what}`."
            )
        return cast("IO[bytes]", library.ZstdFile(stream))
    return cast("IO[bytes]", gzip.GzipFile(fileobj=stream)) if start[:2] == _GZIP else stream


def damage_errors() -> tuple[type[Exception], ...]:
    """What reading raises where the compressed bytes are damaged or truncated."""
    library = _zstd()
    found: tuple[type[Exception], ...] = (EOFError, gzip.BadGzipFile, zlib.error)
    return found if library is None else (*found, library.ZstdError)


def _zstd() -> ModuleType | None:
    for name in _ZSTD_LIBRARIES:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return None
