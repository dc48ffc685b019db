"""The audit log: a record for each request, on disk until CloudWatch Logs has it, whatever ends in between."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from gateway.conftest import TOKEN, Aws, settings
from gateway.processes import Gateway, gateway
from gateway.stub_model import StubModel
from gateway.test_pass_through import AUTHORIZED, CHAT, wait_for
from lisa_compiler.dev.processes import free_port
from lisa_gateway.audit import delivery, segments
from lisa_gateway.audit.record import audit_line
from lisa_gateway.audit.spool import Spool
from lisa_gateway.request_context import Caller, RequestContext

GROUP = "/lisa/test/audit"


@pytest.fixture(scope="module")
def log_group(aws: Aws) -> str:
    aws.client("logs").create_log_group(logGroupName=GROUP)
    return GROUP


@pytest.fixture(scope="module")
def audited(
    aws: Aws, log_group: str, _shared_stub: StubModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Gateway, Path]]:
    folder = tmp_path_factory.mktemp("audit")
    environment = settings(aws, "http://127.0.0.1:1", _shared_stub.url)
    environment |= {"AUDIT_LOG_GROUP": log_group, "AUDIT_FOLDER": str(folder / "records"), "THREADS": "2"}
    # Two workers, and the process that delivers.
    with gateway(folder, environment, seconds=120) as found:
        yield found, folder / "records"


def records(aws: Aws) -> list[dict[str, Any]]:
    found = aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=GROUP)
    return [json.loads(event["message"]) for page in found for event in page["events"]]


def of(aws: Aws, request_id: str) -> list[dict[str, Any]]:
    return [record for record in records(aws) if record.get("requestId") == request_id]


def test_each_request_has_a_record(audited: tuple[Gateway, Path], stub: StubModel, aws: Aws) -> None:
    served, _ = audited
    url = f"{served.url}/v2/serve"
    body = json.dumps(CHAT | {"messages": [{"role": "user", "content": "a very private prompt"}]})
    headers = {"Content-Type": "application/json", "X-Request-ID": "first"}
    answer = requests.post(f"{url}/chat/completions", data=body, headers=AUTHORIZED | headers, timeout=10)
    requests.get(f"{url}/models", headers={"Api-Key": "unknown", "X-Request-ID": "second"}, timeout=10)
    requests.get(f"{served.url}/health", headers={"X-Request-ID": "third"}, timeout=10)
    wait_for(lambda: of(aws, "first") and of(aws, "second"), 20)
    (record,) = of(aws, "first")
    assert float(record.pop("milliseconds")) >= float(record.pop("firstByteMilliseconds")) > 0
    assert record.pop("time")
    assert record == {
        "requestId": "first",
        "method": "POST",
        "route": "/v2/serve/chat/completions",
        "status": 200,
        "bytesIn": len(body),
        "bytesOut": len(answer.content),
        "caller": {"kind": "token"},
        "tokensIn": 5,
        "tokensOut": 2,
    }
    (refused,) = of(aws, "second")
    assert (refused["status"], refused["error"], "caller" in refused) == (401, "invalid_api_key", False)
    assert not of(aws, "third")
    written = json.dumps(records(aws))
    assert not [each for each in ("private", TOKEN, "unknown", "Hello") if each in written]


def test_no_record_is_lost_when_processes_are_killed(audited: tuple[Gateway, Path], stub: StubModel, aws: Aws) -> None:
    served, folder = audited
    sent = []
    for round_number in range(2):
        for number in range(20):
            sent.append(f"killed-{round_number}-{number}")
            headers = AUTHORIZED | {"X-Request-ID": sent[-1], "Connection": "close"}
            requests.get(f"{served.url}/v2/serve/models", headers=headers, timeout=20)
        # A record is in a file within the 50 ms of a batch, and each worker has its own; then first the delivery and
        # later the workers are killed.
        wait_for(lambda: all(f'"{each}"' in _written(folder) or of(aws, each) for each in sent), 30)
        children = psutil.Process(served.process.pid).children(recursive=True)
        ended = [each for each in children if "lisa_gateway.audit" in each.cmdline() or round_number == 1]
        for each in ended:
            os.kill(each.pid, signal.SIGKILL)
        wait_for(lambda: _answers(served), 120)
    # Files of a process that was killed are taken over after some seconds.
    wait_for(lambda: set(sent) <= {record.get("requestId") for record in records(aws)}, 60)


def test_records_of_a_killed_container_are_delivered_by_the_next_one(
    aws: Aws, log_group: str, stub: StubModel, tmp_path: Path
) -> None:
    """Nothing is delivered, because CloudWatch Logs is down, when all processes of the container are killed at once."""
    environment = settings(aws, "http://127.0.0.1:1", stub.url)
    environment |= {"AUDIT_LOG_GROUP": log_group, "AUDIT_FOLDER": str(tmp_path / "volume"), "THREADS": "2"}
    sent = []
    down = {"AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": f"http://127.0.0.1:{free_port()}"}
    with gateway(tmp_path, environment | down, seconds=180) as served:
        for number in range(40):
            sent.append(f"container-{number}")
            headers = AUTHORIZED | {"X-Request-ID": sent[-1], "Connection": "close"}
            requests.get(f"{served.url}/v2/serve/models", headers=headers, timeout=20)
        # Written in batches of 50 ms; how long a busy machine needs for them is not the point.
        wait_for(lambda: all(f'"{each}"' in _written(tmp_path / "volume") for each in sent), 30)
        processes = [psutil.Process(served.process.pid)]
        for process in [*processes, *processes[0].children(recursive=True)]:
            os.kill(process.pid, signal.SIGKILL)
    assert not [each for each in sent if of(aws, each)]
    with gateway(tmp_path, environment, seconds=180):
        wait_for(lambda: set(sent) <= {record.get("requestId") for record in records(aws)}, 180)


def test_folder_that_cannot_be_written_to_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    instead = tmp_path / "instead"
    monkeypatch.setattr(segments, "FALLBACK", instead)
    assert segments.usable_folder(tmp_path / "volume") == tmp_path / "volume"
    (tmp_path / "file").touch()
    assert segments.usable_folder(tmp_path / "file") == instead


def _written(folder: Path) -> str:
    texts = []
    for path in folder.glob("*"):
        try:
            texts.append(path.read_text())
        except FileNotFoundError:
            continue
    return "".join(texts)


def _answers(served: Gateway) -> bool:
    try:
        return requests.get(f"{served.url}/health", headers={"Connection": "close"}, timeout=5).status_code == 200
    except requests.RequestException:
        return False


class _Logs:
    """CloudWatch Logs that keeps what it accepts."""

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.error: Exception | None = None

    def create_log_stream(self, **_: str) -> None:
        return

    def put_log_events(self, *, logEvents: list[dict[str, Any]], **_: str) -> dict[str, Any]:  # noqa: N803
        if self.error is not None:
            raise self.error
        assert [event["timestamp"] for event in logEvents] == sorted(event["timestamp"] for event in logEvents)
        self.accepted.extend(event["message"] for event in logEvents)
        return {}


def _record(number: int, size: int = 0) -> str:
    context = RequestContext(request_id=f"{number}{'x' * size}", began=0.0)
    return audit_line(context, "GET", 1.0, 1_700_000_000 + number, log_group=GROUP)


def test_losses_are_counted_and_reported_and_never_block(tmp_path: Path) -> None:
    lost: list[int] = []

    async def write() -> None:
        spool = Spool(tmp_path, log_group=GROUP, limit=4 * 1024 * 1024, count_lost=lost.append)
        began = time.monotonic()
        for number in range(12):
            spool.write(_record(number, 600_000), 1)
        assert time.monotonic() - began < 1
        assert len(lost) == 5
        assert delivery.Delivery(logs, tmp_path, GROUP).deliver()
        spool.write(_record(20), 1)
        spool.close()

    logs = _Logs()
    asyncio.run(write())
    assert delivery.Delivery(logs, tmp_path, GROUP).deliver()
    found = [json.loads(line) for line in logs.accepted]
    assert len(found) == 12 - 5 + 2
    (report,) = [record for record in found if record.get("error") == "audit_records_lost"]
    assert report["AuditRecordsLost"] == 5
    (metrics,) = report["_aws"]["CloudWatchMetrics"]
    assert metrics["Dimensions"] == [["LogGroup"]]
    assert report["LogGroup"] == GROUP
    assert not list(tmp_path.iterdir())


def test_files_stay_while_cloudwatch_logs_does_not_accept_them(tmp_path: Path) -> None:
    from botocore.exceptions import ClientError, EndpointConnectionError

    def refusal(code: str) -> ClientError:
        return ClientError({"Error": {"Code": code}}, "PutLogEvents")

    logs = _Logs()
    (tmp_path / "1.ready").write_text(_record(1) + '{"half')
    (tmp_path / "2.open").write_text(_record(2))
    for error in (refusal("ThrottlingException"), EndpointConnectionError(endpoint_url="x")):
        logs.error = error
        assert not delivery.Delivery(logs, tmp_path, GROUP).deliver()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["1.ready", "2.open"]
    logs.error = None
    # A worker may still write to a file that is open; one that is older was left by a worker that ended.
    assert delivery.Delivery(logs, tmp_path, GROUP).deliver()
    assert [path.name for path in tmp_path.iterdir()] == ["2.open"]
    os.utime(tmp_path / "2.open", (0, 0))
    assert delivery.Delivery(logs, tmp_path, GROUP).deliver()
    assert logs.accepted == [_record(1).strip(), _record(2).strip()]


def test_batches_are_within_the_limits_of_the_api() -> None:
    lines = "".join(_record(number, 50_000) for number in range(60))
    found = list(delivery.batches(lines + _record(200_000)))
    assert [sum(event.size for event in batch) <= 1_048_576 for batch in found] == [True] * len(found)
    assert sum(map(len, found)) == 61
    assert len(found[-1]) == 1
    short = '{"time":"2026-11-29T10:00:00.000Z"}\n'
    assert [len(batch) for batch in delivery.batches(short * 10_001)] == [10_000, 1]


def test_a_budget_is_a_metric_once_half_of_it_is_used() -> None:
    def record(percent: float) -> dict[str, Any]:
        caller = Caller(kind="token", token_id="t-1", owner="ann", groups=("a",) * 100, key=b"secret")
        context = RequestContext(request_id="r", began=0.0, caller=caller, model="m", budget=("team", percent))
        found: dict[str, Any] = json.loads(audit_line(context, "POST", 1.0, 2.0, log_group=GROUP))
        return found

    assert "_aws" not in record(49.9)
    found = record(81.26)
    assert found["caller"] == {"kind": "token", "id": "t-1", "owner": "ann"}
    assert len(found["groups"]) == 64
    assert (found["model"], found["Group"], found["BudgetUsed"]) == ("m", "team", 81.3)
    (metrics,) = found["_aws"]["CloudWatchMetrics"]
    assert metrics["Dimensions"] == [["LogGroup"], ["LogGroup", "Group"]]
    assert (found["_aws"]["Timestamp"], metrics["Namespace"]) == (2000, "LISA")
