"""The table of a zip file, read strictly: the name and the position of each entry.

`zipfile` of the standard library would read a table of any size and accept entries that share their bytes; here both
are refused, and an entry's bytes can be copied by the system from where they lie.

Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 (structure) and 4.5.3 (zip64).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lisa_weights.errors import WeightsError

STORED = 0
DEFLATED = 8

_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_MAX_COMMENT = 0xFFFF
_MAX_TABLE_BYTES = 4 << 20
_MAX_ENTRIES = 20_000
_FULL = 0xFFFFFFFF
_ENCRYPTED = 0x1
_MAX_RATIO = 100
_SMALL = 1 << 20
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of the archive.

    Attributes:
        name: its path in the archive.
        method: STORED or DEFLATED.
        start: offset of its (compressed) bytes in the archive.
        packed: its (compressed) bytes in the archive.
        size: bytes of its content.
        crc: CRC-32 of its content; None if the writer omitted it, which PyTorch supports.
    """

    name: str
    method: int
    start: int
    packed: int
    size: int
    crc: int | None


def read_archive(descriptor: int, what: str) -> Mapping[str, Entry]:
    """Read and validate the table of an archive.

    Args:
        descriptor: an open file; its position is not used.
        what: the file, for messages.

    Raises:
        WeightsError: not a complete zip file, entries that share bytes or reach outside the file, a duplicate name,
            an encrypted entry, a compression other than deflate, or an entry that expands more than a hundredfold.
    """
    size = os.fstat(descriptor).st_size
    count, length, offset = _find_table(descriptor, size, what)
    if length > _MAX_TABLE_BYTES or count > _MAX_ENTRIES or offset + length > size:
        raise _damaged(what, f"its table would have {count} entries in {length} bytes")
    entries = [_place(descriptor, entry, what) for entry in _entries(os.pread(descriptor, length, offset), count, what)]
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.start):
        if entry.start < end or entry.start + entry.packed > offset:
            raise _damaged(what, f"{entry.name!r} shares bytes with another entry or lies outside the file")
        end = entry.start + entry.packed
    by_name = {entry.name: entry for entry in entries}
    if len(by_name) != len(entries):
        raise _damaged(what, "it has two entries of the same name")
    return by_name


def inflate(descriptor: int, entry: Entry, what: str) -> Iterator[bytes]:
    """Yield the content of an entry in blocks of at most a MiB.

    Raises:
        WeightsError: the content differs from the table.
    """
    left = entry.size
    crc = 0
    unpack = zlib.decompressobj(-zlib.MAX_WBITS) if entry.method == DEFLATED else None
    for offset in range(entry.start, entry.start + entry.packed, _BLOCK_BYTES):
        pending = os.pread(descriptor, min(_BLOCK_BYTES, entry.start + entry.packed - offset), offset)
        while pending:
            try:
                piece = unpack.decompress(pending, _BLOCK_BYTES) if unpack else pending
            except zlib.error as error:
                raise _damaged(what, f"{entry.name!r} cannot be decompressed") from error
            left -= len(piece)
            if left < 0:
                raise _damaged(what, f"{entry.name!r} is longer than its table specifies")
            crc = zlib.crc32(piece, crc)
            yield piece
            pending = unpack.unconsumed_tail if unpack else b""
    if unpack and (tail := unpack.flush()):
        left -= len(tail)
        crc = zlib.crc32(tail, crc)
        yield tail
    if left:
        raise _damaged(what, f"{entry.name!r} does not have the length that its table specifies")
    if entry.crc not in (None, crc):
        raise _damaged(what, f"{entry.name!r} does not match its checksum (CRC-32)")


def _damaged(what: str, why: str) -> WeightsError:
    return WeightsError(f"{what} is not a complete zip checkpoint: {why}. Download or save the file again.")


def _find_table(descriptor: int, size: int, what: str) -> tuple[int, int, int]:
    reach = min(size, _END.size + _MAX_COMMENT)
    tail = os.pread(descriptor, reach, size - reach)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END.size > len(tail):
        raise _damaged(what, "its end is missing: it was truncated")
    _, _, _, _, count, length, offset, _ = _END.unpack_from(tail, at)
    if count == 0xFFFF or _FULL in (length, offset):
        place = size - reach + at - _LOCATOR64.size
        locator = os.pread(descriptor, _LOCATOR64.size, max(place, 0))
        if place < 0 or len(locator) != _LOCATOR64.size or locator[:4] != b"PK\6\7":
            raise _damaged(what, "the end for large files is missing")
        end64 = os.pread(descriptor, _END64.size, min(_LOCATOR64.unpack(locator)[2], size))
        if len(end64) != _END64.size or end64[:4] != b"PK\6\6":
            raise _damaged(what, "the end for large files is missing")
        *_, count, length, offset = _END64.unpack(end64)
    return count, length, offset


def _entries(table: bytes, count: int, what: str) -> Iterator[Entry]:
    """The entries of the table; `start` is the offset of the local header."""
    position = 0
    for _ in range(count):
        if position + _CENTRAL.size > len(table) or table[position : position + 4] != b"PK\1\2":
            raise _damaged(what, "its table is truncated")
        fields = _CENTRAL.unpack_from(table, position)
        _, _, _, flags, method, _, _, crc, packed, size, name_length, extra_length, comment_length, *_, start = fields
        position += _CENTRAL.size
        raw = table[position : position + name_length]
        extra = table[position + name_length : position + name_length + extra_length]
        position += name_length + extra_length + comment_length
        try:
            name = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise _damaged(what, "an entry's name is not UTF-8") from error
        size, packed, start = _widen(extra, (size, packed, start), what)
        if flags & _ENCRYPTED or method not in (STORED, DEFLATED):
            raise _damaged(what, f"{name!r} is encrypted or compressed by another method than deflate")
        if method == STORED and packed != size:
            raise _damaged(what, f"{name!r} is stored uncompressed, but has two different lengths")
        if size > _SMALL and size > _MAX_RATIO * packed:
            raise _damaged(what, f"{name!r} expands from {packed} to {size} bytes, too much for weights")
        yield Entry(name, method, start, packed, size, crc or None)


def _widen(extra: bytes, values: tuple[int, int, int], what: str) -> tuple[int, ...]:
    """Replace what did not fit 32 bits with what the zip64 field holds, in the same order."""
    if _FULL not in values:
        return values
    position = 0
    while position + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, position)
        if kind == 1:
            wide = iter(
                struct.unpack_from(f"<{length // 8}Q", extra[position + 4 : position + 4 + length].ljust(length))
            )
            return tuple(next(wide, value) if value == _FULL else value for value in values)
        position += 4 + length
    raise _damaged(what, "a length for large files is missing")


def _place(descriptor: int, entry: Entry, what: str) -> Entry:
    header = os.pread(descriptor, _LOCAL.size, min(entry.start, 1 << 62))
    if len(header) != _LOCAL.size or header[:4] != b"PK\3\4":
        raise _damaged(what, f"{entry.name!r} does not start where its table specifies")
    name_length, extra_length = _LOCAL.unpack(header)[-2:]
    return replace(entry, start=entry.start + _LOCAL.size + name_length + extra_length)
