"""What all tests of runtime programs have: their AWS calls are recorded, and must be declared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from permissions.recording import Recorder, recording


@pytest.fixture(autouse=True)
def recorder() -> Iterator[Recorder]:
    """Calls of the test's programs; one that no aws_calls.yaml declares fails the test."""
    yield from recording()
