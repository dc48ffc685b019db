"""What the system refuses during a conversion, with the fix."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from lisa_weights import disk
from lisa_weights.errors import WeightsError


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full; make room"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EACCES, "the permission is missing"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EIO, "Input/output error; check the disk"),
    ],
)
def test_refusals_of_the_system_are_explained(number: int, said: str) -> None:
    with pytest.raises(WeightsError, match=f"m was not converted: {said}"), disk.explain_errors(Path("m")):
        raise OSError(number, os.strerror(number))


def test_refusal_without_a_number_is_explained() -> None:
    with pytest.raises(WeightsError, match="m was not converted: odd; check the disk"), disk.explain_errors(Path("m")):
        raise OSError("odd")
