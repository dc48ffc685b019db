"""The measured process: the function as Lambda starts it, which answers one request to ingest.

It reads `{environment, event}` from the file that it is told, and prints what it did as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_CONTEXT: Any = SimpleNamespace(
    function_name="rag",
    memory_limit_in_mb=1024,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:rag",
    aws_request_id="request-1",
    get_remaining_time_in_millis=lambda: 900_000,
)


def main(path: str) -> None:
    """Import, ingest, print."""
    asked = json.loads(Path(path).read_text(encoding="utf-8"))
    began = time.perf_counter()
    import boto3

    from lisa_lambdas.environment import read_environment
    from lisa_lambdas.repository.environment import RepositoryEnvironment
    from lisa_lambdas.repository.handler import create_api

    imported = time.perf_counter()
    api = create_api(read_environment(RepositoryEnvironment, asked["environment"]), boto3.Session())
    answer = api.resolve(asked["event"], _CONTEXT)
    done = time.perf_counter()
    body = json.loads(answer["body"])
    if answer["statusCode"] != 200:
        raise SystemExit(f"the function answers {answer['statusCode']}: {body}")
    print(
        json.dumps(
            {
                "import_seconds": imported - began,
                "seconds": done - imported,
                "chunks": body["count"],
                "changed": sum(each["changed"] for each in body["documents"]),
                "ids": body["ids"],
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
