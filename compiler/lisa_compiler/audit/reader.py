"""The use case of `lisa audit read`: find recorded requests in the bucket, and decrypt them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lisa_compiler.audit.content_lines import BEGIN, ChangedLineError, Line, read_line
from lisa_compiler.audit.recorded import RecordedRequest
from lisa_compiler.aws.account import connect
from lisa_compiler.aws.errors import RequestError
from lisa_compiler.aws.kms import INVALID_CIPHERTEXT, KeyService
from lisa_compiler.compile.planning import plan_environment
from lisa_compiler.plan.content_audit import BUCKET, OBJECT_PREFIX
from lisa_schema.errors import LisaError

if TYPE_CHECKING:
    from lisa_compiler.aws.s3 import Buckets
    from lisa_compiler.project.project import Project

_BEFORE_SECONDS = 60
"""How long before a request begins the file can have been opened that it is in."""

_AFTER_SECONDS = 86_400
"""How long after the time that is read the rest of a request is looked for that began in it."""


class ContentAuditError(LisaError):
    """Recorded content cannot be read; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which requests are read.

    Attributes:
        since: UNIX seconds from which they began.
        until: UNIX seconds before which they began.
        request_id: the one that is meant; empty for all.
        caller: id of a caller, an owner, or the subject of a user; empty for all.
        group: the group that they are recorded for; empty for all.
    """

    since: float
    until: float
    request_id: str = ""
    caller: str = ""
    group: str = ""

    def has(self, line: Line) -> bool:
        """Whether a request is meant, by its first line."""
        about = line.about()
        try:
            began = datetime.fromisoformat(line.members["time"]).timestamp()
        except ValueError:
            return False
        return (
            self.since <= began < self.until
            and self.request_id in ("", about.get("requestId"))
            and self.group in ("", line.members["group"])
            and (not self.caller or self._is_caller(about.get("caller")))
        )

    def _is_caller(self, caller: Any) -> bool:
        if not isinstance(caller, dict):
            return False
        digest = hashlib.sha256(self.caller.encode()).hexdigest()[:12]
        return not {self.caller, digest}.isdisjoint({caller.get("id"), caller.get("owner")})


@dataclass(slots=True)
class ContentReader:
    """Reads the content that a deployment has recorded.

    Attributes:
        environment: name of the environment.
        buckets: buckets of its account.
        bucket: the bucket of recorded content.
        deployment: the deployment in the encryption context.
        key_service: KMS.
        keys: ARNs of the keys that content may be encrypted with: with another one, anyone could have made it.
    """

    environment: str
    buckets: Buckets
    bucket: str
    deployment: str
    key_service: KeyService
    keys: Collection[str]
    _data_keys: dict[bytes, bytes] = field(default_factory=dict)

    def read(self, selection: Selection) -> Iterator[RecordedRequest]:
        """Yield the requests, each once its last line is found, and those without one in the end.

        Raises:
            ContentAuditError: the bucket cannot be read, or the key not be used.
        """
        running: dict[str, RecordedRequest] = {}
        done: set[str] = set()
        for name in self._objects(selection):
            if _opened(name) > selection.until + _BEFORE_SECONDS and not running:
                break
            for text in self._content(name).splitlines():
                line = read_line(text)
                if line is None or line.record in done:
                    continue
                if line.kind == BEGIN and line.record not in running and selection.has(line):
                    running[line.record] = RecordedRequest(line)
                found = running.get(line.record)
                if found is None:
                    continue
                self._add(found, line)
                if found.is_whole:
                    done.add(line.record)
                    yield running.pop(line.record)
        yield from running.values()

    def _add(self, found: RecordedRequest, line: Line) -> None:
        if line.members["deployment"] != self.deployment:
            found.changed = True
            return
        try:
            found.add(line, line.content(self._data_key(line)))
        except ChangedLineError:
            found.changed = True

    def _data_key(self, line: Line) -> bytes:
        wrapped = line.wrapped_key
        known = self._data_keys.get(wrapped)
        if known is None:
            try:
                key, known = self.key_service.decrypt(wrapped, line.encryption_context)
            except RequestError as error:
                if error.code == INVALID_CIPHERTEXT:
                    raise ChangedLineError from error
                raise self._key_error(error, line) from error
            if key not in self.keys:
                raise ContentAuditError(
                    f"Content of {self.environment} is encrypted with {key}, which is not the key of "
                    f"accessConfig.auditContentStore ({', '.join(self.keys) or 'none'}). If it is a former key of this "
                    f"deployment, add --key {key}; otherwise someone else wrote this content."
                )
            self._data_keys[wrapped] = known
        return known

    def _key_error(self, error: RequestError, line: Line) -> ContentAuditError:
        if "AccessDenied" not in error.code:
            return ContentAuditError(str(error))
        context = ", ".join(f"{name}={value}" for name, value in line.encryption_context.items())
        keys = " or ".join(self.keys) or "the key that it was encrypted with"
        return ContentAuditError(
            f"Your credentials may not decrypt this content. They require kms:Decrypt on {keys} with the encryption "
            f"context {context}, in your role's policy and in the key's: {error.reason} ({error.code})."
        )

    def _objects(self, selection: Selection) -> Iterator[str]:
        after = f"{OBJECT_PREFIX}/{datetime.fromtimestamp(selection.since - _BEFORE_SECONDS, UTC):%Y/%m/%d/%H}"
        try:
            for name in self.buckets.keys(self.bucket, f"{OBJECT_PREFIX}/", after=after):
                if _opened(name) > selection.until + _AFTER_SECONDS:
                    return
                if _opened(name) >= selection.since - _BEFORE_SECONDS:
                    yield name
        except RequestError as error:
            raise self._bucket_error(error) from error

    def _content(self, name: str) -> bytes:
        try:
            return self.buckets.read(self.bucket, name)
        except RequestError as error:
            raise self._bucket_error(error) from error

    def _bucket_error(self, error: RequestError) -> ContentAuditError:
        if error.code == "NoSuchBucket":
            return ContentAuditError(
                f"The bucket {self.bucket} does not exist: {self.environment} records no content, or its serve stack "
                "is not deployed with accessConfig.auditContentStore."
            )
        fix = ""
        if "AccessDenied" in error.code:
            fix = f" Your role requires s3:ListBucket and s3:GetObject on {self.bucket}."
        return ContentAuditError(f"{error}{fix}")


def open_reader(project: Project, name: str | None, former_keys: Collection[str]) -> ContentReader:
    """Open the recorded content of an environment, in its account and no other.

    Args:
        project: the project.
        name: name of the environment; None for `env` in config.yaml.
        former_keys: ARNs of keys that `auditContentStore` had before.

    Raises:
        ConfigurationError: the configuration has errors.
        LisaError: boto3 is missing, there are no credentials for the environment's account and Region, or no key.
    """
    planned = plan_environment(project.environment(name))
    deployment, config = planned.deployment, planned.environment.config
    environment = planned.environment.name
    store = deployment.content_audit
    keys = [*([store.key_arn] if store else []), *former_keys]
    if not keys:
        raise ContentAuditError(
            f"{environment} records no content: accessConfig.auditContentStore is not set. To read what was recorded "
            "before, specify its key with --key."
        )
    account = connect(environment, config.account_number, config.region, config.profile)
    return ContentReader(
        environment,
        account.buckets(None),
        deployment.names.bucket(BUCKET),
        deployment.names.scope,
        KeyService(account.client("kms")),
        [str(key) for key in keys],
    )


def _opened(name: str) -> float:
    """When the file of an object was opened, in UNIX seconds; 0 for a name that is none of the gateway's."""
    number = name.rpartition("/")[2].partition("-")[0]
    return int(number) / 1e9 if number.isdecimal() else 0.0
