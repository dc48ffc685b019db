"""The dashboard: its widgets, and that what it asks for exists."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import TGI, resources, templates

from lisa_gateway.audit import record
from lisa_gateway.request_context import Caller, RequestContext

if TYPE_CHECKING:
    from lisa_compiler.compile.pipeline import Compiled


@pytest.fixture
def stacks(compiled: Callable[..., Compiled]) -> dict[str, dict[str, Any]]:
    return templates(compiled(ecsModels=[dict(TGI)]).files)


@pytest.fixture
def widgets(stacks: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    (dashboard,) = [each["Properties"] for each in resources(stacks["serve"], "AWS::CloudWatch::Dashboard")]
    assert dashboard["DashboardName"] == "test-lisa-dev"
    body = dashboard["DashboardBody"]
    parts = body["Fn::Join"][1] if isinstance(body, dict) else [body]
    text = "".join(part if isinstance(part, str) else "app/x/1" for part in parts)
    found: list[dict[str, Any]] = json.loads(text)["widgets"]
    return found


def test_widgets_do_not_overlap_and_have_titles(widgets: list[dict[str, Any]]) -> None:
    places = {(each["x"], each["y"]) for each in widgets}
    assert len(places) == len(widgets) == 9
    assert all(each["x"] + each["width"] <= 24 and each["properties"]["title"] for each in widgets)


def test_alarms_of_all_services_are_shown(widgets: list[dict[str, Any]], stacks: dict[str, dict[str, Any]]) -> None:
    (shown,) = [each["properties"]["alarms"] for each in widgets if each["type"] == "alarm"]
    names = {
        each["Properties"]["AlarmName"]
        for component in ("serve", "model-small")
        for each in resources(stacks[component], "AWS::CloudWatch::Alarm")
        if "AlarmName" in each["Properties"]
    }
    assert {arn.rpartition("alarm:")[2] for arn in shown} == names
    assert all(arn.startswith("arn:aws:cloudwatch:us-east-1:123456789012:alarm:") for arn in shown)


def test_queries_use_members_of_audit_records(widgets: list[dict[str, Any]]) -> None:
    caller = Caller(kind="token", token_id="t", owner="o")
    context = RequestContext(request_id="r", began=0.0, caller=caller, model="m", first_byte=0.5, error_reason="e")
    context.prompt_tokens = context.completion_tokens = 1
    written = json.loads(record.audit_line(context, "POST", 1.0, 1.0, log_group="g"))
    members = {*written, *(f"caller.{name}" for name in written["caller"])}
    queries = [each["properties"]["query"] for each in widgets if each["type"] == "log"]
    assert len(queries) == 4
    for query in queries:
        assert query.startswith("SOURCE '/lisa/test-lisa-dev-rest-api/audit' | ")
        used = set(re.findall(r"(?:sum|ispresent|pct)\((\w+(?:\.\w+)?)", query))
        used |= {name for names in re.findall(r"\bby ((?:[\w.]+(?:, )?)+)", query) for name in names.split(", ")}
        used -= {"bin"}
        assert used <= members, used - members
