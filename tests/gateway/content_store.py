"""A bucket and a key for audited content, and a gateway that records in it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.conftest import REGION, TOKEN, Aws, settings, stored_item
from gateway.processes import Gateway, gateway
from gateway.stub_model import StubModel
from lisa_compiler.audit.reader import ContentReader, Selection
from lisa_compiler.aws.kms import KeyService
from lisa_compiler.aws.s3 import Buckets
from lisa_tokens import new_token

ACCOUNT = "123456789012"
DEPLOYMENT = "test-lisa-dev"
BUCKET = f"{DEPLOYMENT}-audit-content-{ACCOUNT}-{REGION}"
LOG_GROUP = "/lisa/test/content-audit"
SECRET_WORDS = "the merger is on the ninth"
CHAT = {"model": "hosted", "messages": [{"role": "user", "content": SECRET_WORDS}]}
TEXTGEN = {"route": "direct", "type": "textgen", "engine": "vllm", "operations": ["chat", "completions"]}
EMBEDDER = {"route": "direct", "type": "embedding", "engine": "tei", "operations": ["embeddings"]}
OPEN: dict[str, Any] = {"models": ["*"]}


@dataclass(frozen=True)
class ContentStore:
    """The store, and tokens of callers in its groups.

    Attributes:
        aws: where it is.
        key_arn: its KMS key.
        tokens: by group; `both` is in an audited and another group, `legacy` is a token of LISA 2.x.
    """

    aws: Aws
    key_arn: str
    tokens: Mapping[str, str]

    def headers(self, group: str, request_id: str = "") -> dict[str, str]:
        """Headers of a request."""
        named = {"X-Request-ID": request_id} if request_id else {}
        return {"Authorization": f"Bearer {self.tokens[group]}", **named}

    def access(self) -> dict[str, Any]:
        """The access document."""
        return {
            "groups": {
                "research": OPEN | {"auditContent": "optional"},
                "strict": OPEN | {"auditContent": "required"},
                "plain": OPEN,
            },
            "everyone": OPEN,
            "auditContentStore": {
                "account": ACCOUNT,
                "bucket": BUCKET,
                "deployment": DEPLOYMENT,
                "keyArn": self.key_arn,
            },
        }

    @contextmanager
    def gateway(
        self, folder: Path, litellm: str, model: StubModel, *, records: Path | None = None, **variables: str
    ) -> Iterator[Gateway]:
        """A gateway with a direct route to a model, and one through LiteLLM."""
        models = [
            {"name": "hosted", "address": model.url, **TEXTGEN},
            {"name": "writer", "address": model.url, **TEXTGEN},
            {"name": "embedder", "address": model.url, **EMBEDDER},
            {"name": "external", "route": "litellm"},
            {"name": "far/*", "route": "litellm"},
        ]
        folder.mkdir(parents=True, exist_ok=True)
        routes = folder / "routes.json"
        routes.write_text(json.dumps({"schemaVersion": 1, "models": models, "access": self.access()}))
        environment = settings(self.aws, "http://127.0.0.1:1", litellm) | {
            "AUDIT_LOG_GROUP": LOG_GROUP,
            "AUDIT_FOLDER": str(records or folder / "records"),
            "ROUTES_FILE": str(routes),
        }
        with gateway(folder, environment | variables, seconds=180) as found:
            yield found

    def reader(self) -> ContentReader:
        """A reader with all permissions."""
        return ContentReader(
            "dev",
            Buckets(self.aws.client("s3"), ACCOUNT),
            BUCKET,
            DEPLOYMENT,
            KeyService(self.aws.client("kms")),
            [self.key_arn],
        )

    def read(self, request_id: str) -> list[dict[str, Any]]:
        """What is recorded of a request so far."""
        now = time.time()
        selection = Selection(since=now - 3600, until=now + 60, request_id=request_id)
        return [each.as_json() for each in self.reader().read(selection)]

    def wait(self, request_id: str, seconds: float = 60) -> dict[str, Any]:
        """The record of a request, once it has an end or is known to have none."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for found in self.read(request_id):
                if "ended" in found:
                    return found
            time.sleep(0.3)
        raise AssertionError(f"{request_id} is not recorded: {self.read(request_id)}")

    def objects(self) -> list[bytes]:
        """All that is in the bucket."""
        s3 = self.aws.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        names = [each["Key"] for page in pages for each in page.get("Contents", [])]
        return [s3.get_object(Bucket=BUCKET, Key=name)["Body"].read() for name in names]

    def audit_record(self, request_id: str, seconds: float = 30) -> dict[str, Any]:
        """The line of a request in the audit log."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            pages = self.aws.client("logs").get_paginator("filter_log_events").paginate(logGroupName=LOG_GROUP)
            for page in pages:
                for event in page["events"]:
                    found: dict[str, Any] = json.loads(event["message"])
                    if found.get("requestId") == request_id:
                        return found
            time.sleep(0.3)
        raise AssertionError(f"{request_id} has no audit record")


def make_store(aws: Aws) -> ContentStore:
    """Make the key, the bucket, the log group and the tokens."""
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    aws.client("s3").create_bucket(Bucket=BUCKET)
    aws.client("logs").create_log_group(logGroupName=LOG_GROUP)
    groups = {"research": ["research"], "strict": ["strict"], "plain": ["plain"], "both": ["plain", "research"]}
    tokens = {name: new_token() for name in groups}
    for name, token in tokens.items():
        token_id = {"tokenId": {"S": hashlib.sha256(name.encode()).hexdigest()[:12]}}
        aws.put(stored_item(token, groups=groups[name], owner=f"{name}-service") | token_id)
    return ContentStore(aws, key, {**tokens, "legacy": TOKEN})
