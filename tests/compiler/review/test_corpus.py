"""The corpus of changes, each with the comment that a pull request gets: read them in golden/.

`--snapshot-update` writes them anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lisa_compiler.review.change import compare
from lisa_compiler.review.output import Output
from lisa_compiler.review.rendering import Comparison, markdown

from .conftest import ENVIRONMENT
from .corpus import CASES

pytestmark = pytest.mark.xdist_group("review-corpus")

GOLDEN = Path(__file__).with_name("golden")
COMPARED = Comparison(base="0123456789", reference="origin/main", command="lisa diff --env prod --base origin/main")


@pytest.mark.parametrize("name", CASES)
def test_comment(output_of: Callable[..., Output], request: pytest.FixtureRequest, name: str) -> None:
    case, golden = CASES[name], GOLDEN / f"{name}.md"
    before, after = output_of(case.base), output_of(case.base, case.edit)
    comment = markdown(compare(ENVIRONMENT, before, after), COMPARED)
    if request.config.getoption("update_snapshots"):
        golden.write_text(comment, encoding="utf-8", newline="\n")
    assert comment == golden.read_text(encoding="utf-8")


def test_every_golden_comment_is_of_a_change() -> None:
    assert {path.stem for path in GOLDEN.iterdir()} == set(CASES)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("instance_")])
def test_a_changed_instance_type_takes_less_than_28_lines(name: str) -> None:
    assert len((GOLDEN / f"{name}.md").read_text(encoding="utf-8").splitlines()) < 28
