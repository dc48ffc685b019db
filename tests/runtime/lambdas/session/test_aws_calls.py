"""The session function calls what runtime/lambdas/aws_calls.yaml declares."""

from __future__ import annotations

import os
from collections.abc import Callable

from lisa_lambdas.session import handler as module
from permissions.recording import Recorder
from runtime.lambdas.proxy_events import CONTEXT, proxy_event


def test_every_declared_call_is_made(
    make_table: Callable[[str, str], str], set_environment: Callable[[str], None], recorder: Recorder
) -> None:
    make_table("chat", "SessionsTable")
    set_environment("chat")
    recorder.variables |= os.environ
    module._app.cache_clear()
    for method, path, body in (
        ("PUT", "/session/one", {"messages": []}),
        ("GET", "/session/one", None),
        ("GET", "/session", None),
        ("DELETE", "/session/one", None),
        ("PUT", "/session/two", {"messages": []}),
        ("DELETE", "/session", None),
    ):
        assert module.handler(proxy_event(method, path, body=body), CONTEXT)["statusCode"] < 300
    module._app.cache_clear()
    assert recorder.missing("session") == []
