"""Limits of the process that reads a document: its processor time and its files."""

from __future__ import annotations

import pytest

from lisa_lambdas.repository.extraction import ExtractionLimits

MIB = 2**20


@pytest.mark.parametrize(("size", "seconds"), [(0, 10), (MIB - 1, 10), (MIB, 20), (5 * MIB, 60), (50 * MIB, 180)])
def test_processor_time_follows_the_size_of_the_document(size: int, seconds: int) -> None:
    limits = ExtractionLimits.for_document(size)
    assert (limits.processor_seconds, limits.elapsed_seconds) == (seconds, 30 + 3 * seconds)


def test_temporary_files_fit_the_function() -> None:
    """A document, an unpacked DOCX and the chunks are in the 512 MB of /tmp at the same time."""
    limits = ExtractionLimits.for_document(0)
    assert 50 * MIB + 2 * limits.file_bytes < 512 * 10**6
    assert limits.output_bytes < limits.file_bytes
