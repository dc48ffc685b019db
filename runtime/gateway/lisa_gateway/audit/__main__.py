"""`python -m lisa_gateway.audit`: deliver audit records until the standard input ends, then what is left.

The gateway holds the other end of the standard input: however it ends, this process notices, and no signal is needed.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from pathlib import Path

from lisa_gateway import logs
from lisa_gateway.audit.delivery import Delivery

_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_REST_SECONDS = 6.0


def main() -> int:
    """Deliver."""
    from botocore.config import Config
    from botocore.session import get_session

    # A signal for all processes of the container: the gateway's last records are still to come.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    logs.configure(os.environ.get("LOG_LEVEL", "INFO").upper())
    config = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2})
    client = get_session().create_client("logs", region_name=os.environ["AWS_REGION"], config=config)
    delivery = Delivery(client, Path(os.environ["AUDIT_FOLDER"]), os.environ["AUDIT_LOG_GROUP"])
    pause = _PAUSE_SECONDS
    while not _has_ended(pause):
        pause = _PAUSE_SECONDS if delivery.deliver() else min(2 * pause, _LONGEST_PAUSE_SECONDS)
    until = time.monotonic() + _REST_SECONDS
    while not delivery.deliver() and time.monotonic() < until:
        time.sleep(_PAUSE_SECONDS)
    return 0


def _has_ended(seconds: float) -> bool:
    """Whether the standard input ends within so many seconds."""
    readable, _, _ = select.select([sys.stdin.fileno()], [], [], seconds)
    return bool(readable) and not os.read(sys.stdin.fileno(), 1)


if __name__ == "__main__":
    sys.exit(main())
