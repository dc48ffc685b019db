"""Auditing of content: which requests are recorded, and where the lines of a worker are written."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from lisa_gateway.audit.data_keys import DataKeyError, DataKeys, kms_client
from lisa_gateway.audit.recording import ContentUnavailableError, Recording
from lisa_gateway.audit.segments import Segments

if TYPE_CHECKING:
    from lisa_gateway.access.admission import Admission
    from lisa_gateway.access.document import ContentRule, ContentStore
    from lisa_gateway.http_server import Body
    from lisa_gateway.request_context import RequestContext
    from lisa_gateway.settings import Settings

FLUSH_SECONDS: Final = 1.0
"""How often the parts of responses that are in memory are written."""

CONTENT_FOLDER: Final = "content"
"""Directory of the files with content in the folder of audit records, with one for each bucket."""

_SEGMENT_BYTES: Final = 4 * 1024 * 1024
_REPORT_SECONDS: Final = 10.0

_log = logging.getLogger(__name__)


class ContentAudit:
    """Records the content of requests whose caller is in a group with `auditContent`.

    Args:
        keys: data keys.
        folder: the folder of audit records.
        limit: bytes of files with content that may wait for delivery.
        part_bytes: bytes of a request, and of a response, that are recorded at most.
    """

    def __init__(self, keys: DataKeys, folder: Path, *, limit: int, part_bytes: int) -> None:
        self._keys = keys
        self._folder = folder
        self._limit = limit
        self._part_bytes = part_bytes
        self._segments: dict[str, Segments] = {}
        self._recordings: set[Recording] = set()
        self._reported = float("-inf")

    async def begin(self, admission: Admission, context: RequestContext, body: Body) -> Body:
        """Begin to record an admitted request, if its content is audited: all of a body that is there already.

        Args:
            admission: the request's; gets the recording.
            context: the request.
            body: its body.

        Returns:
            The body to send: parts are recorded as they go on.

        Raises:
            ContentUnavailableError: it cannot be recorded, and must be.
        """
        rule = admission.grant.content if admission.grant is not None else None
        if rule is None:
            return body
        recording = await self._recording(rule, context)
        if recording is None:
            return body
        admission.recording = recording
        recording.begin()
        if isinstance(body, bytes):
            await recording.add_request(body)
            return body
        return None if body is None else recording.add_parts(body)

    async def _recording(self, rule: ContentRule, context: RequestContext) -> Recording | None:
        try:
            key = await self._keys.get(rule.store, rule.group)
        except DataKeyError as error:
            context.audited_content = "missing"
            if rule.is_required:
                raise ContentUnavailableError from error
            return None
        recording = Recording(
            context,
            key,
            self._of(rule.store).append,
            part_bytes=self._part_bytes,
            is_required=rule.is_required,
            on_end=self._recordings.discard,
            on_loss=self._report,
        )
        self._recordings.add(recording)
        return recording

    def _of(self, store: ContentStore) -> Segments:
        name = f"{store.account}.{store.bucket}"
        found = self._segments.get(name)
        if found is None:
            found = self._segments[name] = Segments(
                self._folder / CONTENT_FOLDER / name,
                limit=self._limit,
                limit_name="AUDIT_CONTENT_MAX_BYTES",
                segment_bytes=_SEGMENT_BYTES,
            )
        return found

    def _report(self, error: OSError) -> None:
        # The audit record of each request says it; the log only that it happens, and why.
        if time.monotonic() - self._reported > _REPORT_SECONDS:
            self._reported = time.monotonic()
            _log.error("audited content is lost: %s", error)

    async def run(self) -> None:
        """Write what is in memory, until this is cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            for recording in list(self._recordings):
                recording.flush()

    def close(self) -> None:
        """End what still runs, and hand the files on."""
        for recording in list(self._recordings):
            recording.end()
        for segments in self._segments.values():
            segments.close()


@asynccontextmanager
async def open_content_audit(
    settings: Settings, *, client: Callable[[str], Any] = kms_client
) -> AsyncIterator[ContentAudit]:
    """Open the auditing of content as long as a worker lives; KMS is not called before a request needs it."""
    async with client(settings.aws_region) as kms:
        audit = ContentAudit(
            DataKeys(kms),
            Path(settings.audit_folder),
            limit=settings.audit_content_max_bytes,
            part_bytes=settings.audit_content_part_bytes,
        )
        task = asyncio.ensure_future(audit.run())
        try:
            yield audit
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            audit.close()
