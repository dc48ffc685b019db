"""`python -m lisa_gateway.audit`: deliver audit records and content until the standard input ends, then what is left.

The gateway holds the other end of the standard input: however it ends, this process notices, and no signal is needed.
Records and content have a thread each, so that neither waits for the service of the other.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from lisa_gateway import logs
from lisa_gateway.audit.content_delivery import ContentDelivery
from lisa_gateway.audit.delivery import Delivery

_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_REST_SECONDS = 6.0

_log = logging.getLogger(__name__)


def main() -> int:
    """Deliver."""
    from botocore.config import Config
    from botocore.session import get_session

    # A signal for all processes of the container: the gateway's last records are still to come.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    logs.configure(os.environ.get("LOG_LEVEL", "INFO").upper())
    folder, region = Path(os.environ["AUDIT_FOLDER"]), os.environ["AWS_REGION"]
    config = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2})
    session = get_session()
    records = Delivery(
        session.create_client("logs", region_name=region, config=config), folder, os.environ["AUDIT_LOG_GROUP"]
    )
    content = ContentDelivery(session.create_client("s3", region_name=region, config=config), folder)
    ended = threading.Event()
    threads = [threading.Thread(target=_run, args=(each.deliver, ended)) for each in (records, content)]
    for thread in threads:
        thread.start()
    while os.read(sys.stdin.fileno(), 64):
        pass
    ended.set()
    for thread in threads:
        thread.join()
    return 0


def _run(deliver: Callable[[], bool], ended: threading.Event) -> None:
    try:
        _deliver(deliver, ended)
    # A thread that ends alone would leave its files; the gateway starts a process again that has ended.
    except Exception:
        _log.exception("the delivery of audit records failed")
        os._exit(1)


def _deliver(deliver: Callable[[], bool], ended: threading.Event) -> None:
    """Deliver every second, less often while it fails; after the end, until everything is delivered or time is up."""
    pause = _PAUSE_SECONDS
    while not ended.wait(pause):
        pause = _PAUSE_SECONDS if deliver() else min(2 * pause, _LONGEST_PAUSE_SECONDS)
    until = time.monotonic() + _REST_SECONDS
    while not deliver() and time.monotonic() < until:
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    sys.exit(main())
