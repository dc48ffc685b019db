"""Other images, layers, code and weights."""

from __future__ import annotations

from typing import Any

import pytest

from lisa_compiler.review.change import compare
from lisa_compiler.review.impact import ImpactCategory

from .conftest import ENVIRONMENT
from .outputs import output, resource


def told(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    stacks = {"core": {"Role": resource("IAM::Role")}}
    change = compare(ENVIRONMENT, output(stacks, **before), output(stacks, **after))
    assert all(impact.category is ImpactCategory.CODE_CHANGED for impact in change.impacts)
    return [impact.text for impact in change.impacts]


def files(*paths: str, digest: str = "a") -> dict[str, dict[str, str]]:
    return {"digests": dict.fromkeys(paths, digest)}


def test_an_image_on_another_base_with_other_files() -> None:
    names = [f"containers/small/{name}" for name in ("Dockerfile", "a.py", "b.py", "c.py", "d.py")]
    before = {"images": {"small": {"BASE_IMAGE": "tgi:1"}}, **files(*names)}
    after = {"images": {"small": {"BASE_IMAGE": "tgi:2", "PYPI_INDEX_URL": "x"}}, **files(*names, digest="b")}
    assert told(before, after) == [
        "The image `small` is rebuilt: on `tgi:2` instead of `tgi:1`, with a changed build argument `PYPI_INDEX_URL`, "
        "5 files (`small/Dockerfile`, `small/a.py`, `small/b.py` and 2 more)."
    ]


def test_an_image_that_stays_or_is_new_says_nothing() -> None:
    same = {"images": {"small": {"BASE_IMAGE": "tgi:1"}}, **files("containers/small/Dockerfile")}
    assert told(same, same) == []
    assert told({}, same) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("containers/rest-api", "The image `rest-api` is rebuilt: with a change of LISA's own code."),
        ("functions/session", "The code of the Lambda function `session` changes."),
        ("layers/rag", "The Lambda layer `rag` is rebuilt."),
        ("web/application", "The chat application changes."),
    ],
)
def test_product_code_of_another_digest(name: str, text: str) -> None:
    others = {"functions/rag": "1" * 64}
    before, after = ({"products": {name: digest * 64, **others}} for digest in "23")
    assert told(before, after) == [text]
    assert told(before, before) == []


def test_files_of_an_image_with_product_code_are_named() -> None:
    before, after = (
        {"products": {"containers/rest-api": digest * 64}, **files("containers/rest-api/Dockerfile", digest=digest)}
        for digest in "23"
    )
    assert told(before, after) == ["The image `rest-api` is rebuilt: 1 file (`rest-api/Dockerfile`)."]


def test_output_that_held_a_copy_of_product_code_is_compared_without_it() -> None:
    copied = ("containers/rest-api/Dockerfile", "containers/rest-api/lisa_gateway/app.py", "lambdas/lisa_lambdas/a.py")
    before = {"images": {"rest-api": {"BASE_IMAGE": "python:3.13"}}, **files(*copied)}
    after = {"products": {"containers/rest-api": "2" * 64}, **files("containers/rest-api/Dockerfile", digest="a")}
    assert told(before, after) == ["The image `rest-api` is rebuilt: with a change of LISA's own code."]


def weights(revision: str | None, size: int, location: str = "s3://models/org/small/") -> dict[str, Any]:
    entry: dict[str, Any] = {"status": "staged" if revision else "unstaged", "location": location, "files": []}
    if revision:
        entry |= {"revision": revision, "files": [{"path": "model.safetensors", "size": size, "sha256": revision}]}
    return {"weights": {"org/small": entry}}


def test_weights_of_another_revision() -> None:
    assert told(weights("a" * 40, 14_500_000_000), weights("b" * 40, 14_600_000_000)) == [
        "Weights of `org/small` changed: 14.5 GB at aaaaaaaaaaaa → 14.6 GB at bbbbbbbbbbbb."
    ]


def test_weights_that_are_staged() -> None:
    assert told(weights(None, 0), weights("a" * 40, 14_500_000_000)) == [
        "Weights of `org/small` changed: unstaged → 14.5 GB at aaaaaaaaaaaa."
    ]


def test_weights_in_another_bucket_have_to_be_there_first() -> None:
    found = told(weights("a", 1), weights("a", 1, "s3://other/org/small/"))
    assert found == [
        "Weights of `org/small` are now loaded from `s3://other/org/small/`. Stage them there before you deploy."
    ]


def test_location_that_an_older_lisa_wrote_with_a_slash_is_the_same() -> None:
    assert told(weights("a", 1), weights("a", 1, "s3://models/org/small")) == []


def test_another_version_of_lisa() -> None:
    assert told({}, {"version": "3.1.0"}) == ["Compiled with LISA 3.1.0 instead of 3.0.0."]


def several(**models: tuple[str, str]) -> dict[str, Any]:
    """Weights by name: status and digest."""
    return {
        "weights": {
            name: {"status": status, "files": [{"path": "w", "size": 1, "sha256": digest}] if digest else []}
            for name, (status, digest) in models.items()
        }
    }


def test_staged_weights_that_are_new_or_changed_need_a_report() -> None:
    before = several(same=("staged", "a"), changed=("staged", "a"), later=("unstaged", ""), lost=("staged", "a"))
    after = several(
        same=("staged", "a"), changed=("staged", "b"), later=("staged", "a"), lost=("unstaged", ""), new=("staged", "a")
    )
    stacks = {"core": {"Role": resource("IAM::Role")}}
    change = compare(ENVIRONMENT, output(stacks, **before), output(stacks, **after))
    assert change.weights == ("changed", "later", "new")
    assert compare(ENVIRONMENT, None, output(stacks, **after)).weights == ("changed", "later", "new", "same")
    assert compare(ENVIRONMENT, output(stacks, **before), None).weights == ()
