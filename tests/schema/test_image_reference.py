"""References to images: what is one, and what is said of a text that is none."""

from __future__ import annotations

import re

import pytest

from lisa_schema.image_reference import IMAGE_PATTERN, image_fault, parse_image

DIGEST = f"sha256:{'0a' * 32}"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("python", ("", "python", "", "")),
        ("python:3.12-slim", ("", "python", "3.12-slim", "")),
        ("vllm/vllm-openai:v0.32.0", ("", "vllm/vllm-openai", "v0.32.0", "")),
        (f"ghcr.io/a/b:86-1.8@{DIGEST}", ("ghcr.io", "a/b", "86-1.8", DIGEST)),
        (f"ghcr.io/a/b@{DIGEST}", ("ghcr.io", "a/b", "", DIGEST)),
        ("localhost/a", ("localhost", "a", "", "")),
        ("registry:5000/a/b:1", ("registry:5000", "a/b", "1", "")),
        ("Registry.Example.com:5000/a__b/c--d", ("Registry.Example.com:5000", "a__b/c--d", "", "")),
        (
            "123456789012.dkr.ecr.us-east-1.amazonaws.com/a:1",
            ("123456789012.dkr.ecr.us-east-1.amazonaws.com", "a", "1", ""),
        ),
    ],
)
def test_references(text: str, parts: tuple[str, str, str, str]) -> None:
    found = parse_image(text)
    assert found is not None
    assert (found.registry, found.repository, found.tag, found.digest) == parts
    assert re.search(IMAGE_PATTERN, text)
    assert image_fault(text) is None


@pytest.mark.parametrize(
    ("text", "fault", "fix"),
    [
        ("https://docker.io/vllm/vllm-openai:v0.9.2", "has the scheme `https://`", "docker.io/vllm/vllm-openai:v0.9.2"),
        ("docker://ghcr.io/a/b:1", "has the scheme `docker://`", "ghcr.io/a/b:1"),
        ("oci://a/b:1/", "has the scheme `oci://` and has a slash too many", "a/b:1"),
        ("vllm/vllm-openai:v0.9.2 ", "has a space at the end", "vllm/vllm-openai:v0.9.2"),
        ("\tpython:3.12", "has a space at the beginning", "python:3.12"),
        (" python:3.12\n", "has spaces at both ends", "python:3.12"),
        ("docker pull python:3.12", "is a command", "python:3.12"),
        ("vllm/ vllm-openai:1", "has a space", "vllm/vllm-openai:1"),
        ("VLLM/vllm-openai:v1", "has upper-case letters in the repository", "vllm/vllm-openai:v1"),
        ("Ghcr.IO/HuggingFace/TEI:CPU", "has upper-case letters in the repository", "Ghcr.IO/huggingface/tei:CPU"),
        ("registry:5000/A:B", "has upper-case letters in the repository", "registry:5000/a:B"),
        ("python:", "has a colon without a tag", "python"),
        (f"python:@{DIGEST}", "has a colon without a tag", f"python@{DIGEST}"),
        (f"python@{DIGEST.upper().replace('SHA', 'sha')}", "has a digest in upper case", f"python@{DIGEST}"),
        ("ghcr.io//a", "has a slash too many", "ghcr.io/a"),
    ],
)
def test_faults_are_named_with_the_reference_that_was_meant(text: str, fault: str, fix: str) -> None:
    assert parse_image(text) is None
    assert not re.search(IMAGE_PATTERN + r"(?!\n)", text)
    assert image_fault(text) == (fault, f"Write `{fix}`.")


@pytest.mark.parametrize("text", ["python@sha256:abc", "python@latest", f"python@{DIGEST}0"])
def test_a_damaged_digest_cannot_be_put_right(text: str) -> None:
    told = image_fault(text)
    assert told == (
        "has a digest that is not `sha256:` and 64 hexadecimal digits",
        "Write the reference as for `docker pull`.",
    )


@pytest.mark.parametrize("text", ["python:3:12", "", "python:-1", f"a:{'t' * 129}", "a$b"])
def test_other_texts_are_no_references(text: str) -> None:
    assert parse_image(text) is None
    assert image_fault(text) is None


def test_long_texts_take_no_time() -> None:
    for text in ("a" * 50_000, "a." * 25_000, "a/" * 25_000 + "!", "a-" * 25_000 + "!", "A" * 50_000):
        assert parse_image(text + "?") is None
        image_fault(text + "?")
