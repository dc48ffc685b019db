"""moto's server, one request after the other: its DynamoDB evaluates a condition and writes without a lock.

`python tests/gateway/serial_aws.py PORT`
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

_ONE = threading.Lock()
_MOTO = DomainDispatcherApplication(create_backend_app)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer a request when the one before has been answered."""
    with _ONE:
        return list(_MOTO(environ, start_response))


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=True, request_handler=MotoRequestHandler)
