"""A models bucket that does not exist: every text has the same fix."""

from __future__ import annotations

from pathlib import Path

from lisa_weights.store.missing_bucket import create_command, missing_bucket_fix
from lisa_weights.store.s5cmd import Failure, transfer_error

ROOT = Path(__file__).parents[2]


def test_every_text_has_the_command_of_the_documentation() -> None:
    """docs/start.md, the errors of `lisa weights` and `lisa doctor`, and the README of a new repository."""
    with_names = create_command("<s3BucketModels>", "<region>")
    lines = (ROOT / "docs/start.md").read_text().splitlines()
    (row,) = (line for line in lines if line.startswith("| `s3BucketModels`"))
    assert f"LISA does not create it: {with_names}" in row
    assert with_names in missing_bucket_fix("<s3BucketModels>")
    starter = (ROOT / "templates/starter/README.md.j2").read_text()
    assert create_command("{{ environment.s3BucketModels }}", "{{ environment.region }}") in starter


def test_error_of_a_transfer_names_the_bucket() -> None:
    failures = [Failure("cp", "NoSuchBucket: The specified bucket does not exist status code: 404")]
    error = transfer_error("s3://our-models/org/name/0d", failures)
    assert "s3://our-models/org/name/0d: the bucket does not exist. " in str(error)
    assert str(error).endswith("`aws s3 mb s3://our-models --region <region>`.")
