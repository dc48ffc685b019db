"""The program that computes SHA-256 in an image: the first one that works."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from containers.context import container
from containers.staged_weights import FILES, SECOND, digest, hide


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize(
    ("hidden", "warning"), [(("openssl",), False), (("openssl", "python3"), True)], ids=["python", "coreutils"]
)
def test_images_without_openssl(tmp_path: Path, hidden: tuple[str, ...], warning: bool, damaged: bool) -> None:
    made = container(tmp_path, "tgi", FILES)
    if "python3" in hidden:
        (tmp_path / "bin" / "python3").unlink()
    else:
        made.fake("python3", f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    hide(made, *hidden)
    made.stage(FILES | ({SECOND: b"B" * 700} if damaged else {}))
    status, errors = made.run()
    assert status == (1 if damaged else 0), errors
    assert ("WARNING: the image has neither openssl nor python3" in errors) is warning
    assert (f"{SECOND} has SHA-256 {digest(b'B' * 700)}" in errors) is damaged


def test_an_image_without_any_sha_256_is_refused(tmp_path: Path) -> None:
    made = container(tmp_path, "tgi", FILES)
    (tmp_path / "bin" / "python3").unlink()
    hide(made, "openssl", "python3", "sha256sum")
    made.stage(FILES)
    status, errors = made.run()
    assert status == 1
    assert "cannot compute SHA-256: install openssl or python3" in errors


@pytest.mark.parametrize("broken", ["exit 0", "exit 1", "echo 0000"])
def test_a_program_that_does_not_compute_sha_256_is_not_used(tmp_path: Path, broken: str) -> None:
    made = container(tmp_path, "tgi", FILES)
    made.fake("openssl", f"#!/bin/sh\n{broken}\n")
    made.stage(FILES | {SECOND: b"B" * 700})
    status, errors = made.run()
    assert status == 1
    assert f"{SECOND} has SHA-256 {digest(b'B' * 700)}" in errors
