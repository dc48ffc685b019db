"""`python -m lisa_gateway`: the workers, and the metrics of all of them."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from pydantic import ValidationError

from lisa_gateway import logs
from lisa_gateway.audit.process import DeliveryProcess
from lisa_gateway.audit.segments import usable_folder
from lisa_gateway.settings import Settings

_WORKER_SILENCE_SECONDS = 60  # A worker that starts on a busy processor is silent for longer than uvicorn's 5.


def main() -> int:
    """Serve until a signal comes; then let requests end."""
    try:
        settings = Settings()
    except ValidationError as error:
        for problem in error.errors(include_input=False):
            place = ".".join(str(part) for part in problem["loc"]).upper()
            sys.stderr.write(f"lisa_gateway: ERROR: {place} {problem['msg']}\n".replace("  ", " "))
        return 1
    logs.configure(settings.log_level)
    with tempfile.TemporaryDirectory(prefix="lisa-gateway-metrics-") as folder, ExitStack() as stack:
        if settings.audit_log_group:
            folder_of_records = usable_folder(Path(settings.audit_folder))
            # The workers read it, too.
            os.environ["AUDIT_FOLDER"] = str(folder_of_records)
            stack.enter_context(DeliveryProcess(str(folder_of_records), settings.audit_log_group))
        _serve(settings, folder)
    return 0


def _serve(settings: Settings, folder: str) -> None:
    # prometheus_client reads it when it is imported, here and in the workers.
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    import uvicorn

    from lisa_gateway import metrics
    from lisa_gateway.client_connection import ClientConnection
    from lisa_gateway.configuration.exposition import ConfigurationCollector
    from lisa_gateway.configuration.state import State
    from lisa_gateway.watchdog import Watchdog

    if settings.hang_timeout:
        Watchdog(settings.litellm_url, settings.hang_timeout).start()
    if settings.metrics_port:
        state = settings.configuration_state
        more = ConfigurationCollector(State(Path(state))) if state else None
        metrics.serve(settings.metrics_port, folder, more=more)
    uvicorn.run(
        "lisa_gateway.worker:make_worker",
        factory=True,
        host=settings.host,
        port=settings.port,
        workers=settings.threads,
        loop="uvloop",
        http=ClientConnection,
        ws="none",
        access_log=False,
        log_config=None,
        log_level=settings.log_level.lower(),
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=settings.drain_timeout,
        timeout_keep_alive=settings.keep_alive_timeout,
        timeout_worker_healthcheck=_WORKER_SILENCE_SECONDS,
        backlog=4096,
    )


if __name__ == "__main__":
    sys.exit(main())
