"""The buffer that files are read into to compute their digests."""

from __future__ import annotations

import mmap


def page_aligned_buffer(size: int) -> memoryview:
    """Create a writable buffer that begins at a page, as the blocks of a file in the page cache do.

    A large bytearray begins 16 bytes after a page. AMD processors of the Zen 3 generation copy blocks of a file to such
    an address at a fifth of the speed, which makes reading half as expensive as SHA-256.
    """
    return memoryview(mmap.mmap(-1, size))
