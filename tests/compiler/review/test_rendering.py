"""A change as Markdown, text and JSON."""

from __future__ import annotations

import json
from dataclasses import replace

from lisa_compiler.review.change import compare
from lisa_compiler.review.json_report import as_data
from lisa_compiler.review.output import Output
from lisa_compiler.review.rendering import LIMIT, Comparison, markdown, text

from .conftest import ENVIRONMENT
from .outputs import output, resource

COMPARED = Comparison(base="0123456789", reference="origin/main", command="lisa diff --env prod", warnings=("Stale.",))


def buckets(count: int, policy: str) -> Output:
    names = (f"bucket-{number:05d}-{'x' * 50}" for number in range(count))
    return output(
        {
            "core": {f"B{n}": resource("S3::Bucket", BucketName=name) for n, name in enumerate(names)}
            | {"Role": resource("IAM::Role", RoleName=policy)}
        }
    )


def test_the_first_line_is_the_mark_of_the_environment() -> None:
    comment = markdown(compare(ENVIRONMENT, None, None), COMPARED)
    assert comment.startswith("<!-- lisa-diff:prod -->\n### prod: no changes\n")


def test_warnings_and_what_was_compared_are_said() -> None:
    comment = markdown(compare(ENVIRONMENT, buckets(0, "a"), buckets(0, "b")), COMPARED)
    assert "> Stale." in comment
    end = "<sub>Compared with 0123456789 (origin/main). Complete report: `lisa diff --env prod`</sub>\n"
    assert comment.endswith(end)


def test_a_comment_that_is_too_long_is_cut_and_points_to_the_whole() -> None:
    change = compare(ENVIRONMENT, buckets(2000, "a"), buckets(0, "a"))
    comment = markdown(change, COMPARED)
    assert len(comment.encode()) <= LIMIT
    assert "Truncated to fit into a comment" in comment
    assert comment.startswith("<!-- lisa-diff:prod -->\n")
    assert comment.endswith("Complete report: `lisa diff --env prod`</sub>\n")
    assert comment.count("<details>") == comment.count("</details>")
    assert len(text(change, COMPARED)) > LIMIT


def test_text_has_no_markdown() -> None:
    words = text(compare(ENVIRONMENT, buckets(1, "a"), buckets(0, "b")), COMPARED)
    assert "DATA LOSS\n  The bucket bucket-00000-" in words
    assert "role Role replaced" in words
    assert not {"`", "**", "<"} & set(words)


def test_json_tells_the_same_to_a_program() -> None:
    data = json.loads(as_data(compare(ENVIRONMENT, buckets(1, "a"), buckets(0, "b")), COMPARED))
    assert data["base"] == {"commit": "0123456789", "reference": "origin/main"}
    assert [impact["category"] for impact in data["impacts"]] == ["data_loss"]
    assert [(one["logicalId"], one["effect"]) for one in data["resources"]] == [("B0", "removed"), ("Role", "replaced")]
    assert data["resources"][1]["differences"] == [{"path": "RoleName", "before": "a", "after": "b"}]
    assert data["capacity"]["after"]["maximum"] == {"instances": 0, "gpus": 0, "gpuHoursPerDay": 0}


def staged(count: int) -> Output:
    entry = {"status": "staged", "files": [{"path": "w", "size": 1, "sha256": "a"}]}
    stacks = {"core": {"Role": resource("IAM::Role")}}
    return output(stacks, weights={f"org/model-{number:02d}": entry for number in range(count)})


def test_changed_weights_link_to_their_reports() -> None:
    change = compare(ENVIRONMENT, staged(0), staged(2))
    linked = markdown(change, replace(COMPARED, reports="https://forge.example.com/runs/7#artifacts"))
    address = "**[Intake reports](https://forge.example.com/runs/7#artifacts)** of the changed weights: "
    assert f"{address}`org/model-00`, `org/model-01`\n" in linked
    assert "lisa weights report" not in linked


def test_changed_weights_name_the_command_where_reports_are_not_published() -> None:
    change = compare(ENVIRONMENT, staged(0), staged(20))
    comment = markdown(change, COMPARED)
    assert (
        "**Intake reports** of the changed weights:\n- `org/model-00`: `lisa weights report org/model-00`\n" in comment
    )
    assert "- 8 more\n" in comment
    words = text(change, COMPARED)
    assert "INTAKE REPORTS\n  org/model-00: lisa weights report org/model-00\n" in words


def test_json_lists_changed_weights() -> None:
    found = json.loads(as_data(compare(ENVIRONMENT, staged(0), staged(2)), COMPARED))
    assert found["weights"] == ["org/model-00", "org/model-01"]


def test_without_changed_weights_there_is_no_report() -> None:
    change = compare(ENVIRONMENT, staged(2), staged(2))
    assert "ntake" not in markdown(change, replace(COMPARED, reports="https://forge.example.com"))
    assert "INTAKE" not in text(change, COMPARED)
