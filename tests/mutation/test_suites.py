"""The data of `make mutate`: its paths exist, and only what nothing can notice is left out."""

from __future__ import annotations

import pytest

from mutation.equivalents import is_equivalent_operator, unobservable_lines
from mutation.suites import ROOT, Suite, find_suite, load_suites


def test_every_source_and_test_exists() -> None:
    for suite in load_suites():
        for name in (*suite.sources, *suite.tests):
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize(
    ("source", "tests"),
    [("a/rules/one.py", ("of rules",)), ("a/other.py", ("of a",)), ("ab/other.py", None), ("a/rules", ("of rules",))],
)
def test_the_most_specific_suite_is_found(source: str, tests: tuple[str, ...] | None) -> None:
    suites = (Suite(("a",), ("of a",)), Suite(("b", "a/rules"), ("of rules",)))
    found = find_suite(source, suites)
    assert (None if found is None else found.tests) == tests


def test_annotations_are_not_observable_and_code_is() -> None:
    source = (
        "if TYPE_CHECKING:\n    import x\n\ndef f(a: int | None = 1 | 2) -> str | None:\n    b: int | None = a | 4\n"
    )
    lines = source.splitlines()
    found = unobservable_lines(source)
    annotated = [
        (number, lines[number - 1].index(text))
        for number, text in ((1, "TYPE"), (2, "import"), (4, "int |"), (5, "int |"))
    ]
    assert set(annotated) <= found
    assert (4, lines[3].index("1 |")) not in found
    assert (5, lines[4].index("a | 4")) not in found


def test_only_comparisons_of_identity_are_left_out() -> None:
    assert is_equivalent_operator("core/ReplaceComparisonOperator_Eq_Is")
    assert not is_equivalent_operator("core/ReplaceComparisonOperator_Eq_IsNot")
    assert not is_equivalent_operator("core/ReplaceComparisonOperator_Eq_NotEq")


def test_dataclass_arguments_that_mypy_checks_are_not_observable() -> None:
    source = "@dataclass(frozen=True, order=True)\nclass A:\n    a: int = field(kw_only=True)\n"
    line = source.splitlines()[0]
    found = unobservable_lines(source)
    assert (1, line.index("True")) in found
    assert (1, line.rindex("True")) not in found
    assert (3, source.splitlines()[2].index("True")) not in found
