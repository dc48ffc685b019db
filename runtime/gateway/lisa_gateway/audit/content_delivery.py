"""Delivery of recorded content to its bucket, at least once, by the process beside the workers."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from lisa_gateway.audit.content import CONTENT_FOLDER
from lisa_gateway.audit.waiting_files import WaitingFiles

OBJECT_PREFIX: Final = "content"
"""Beginning of the names of objects; the date and the hour in UTC follow."""

_KEPT_SECONDS: Final = 7 * 86_400
"""How long a file waits for a bucket that does not accept it."""

_log = logging.getLogger(__name__)


class ContentDelivery:
    """Puts the files with content into their buckets, oldest first; a file is deleted once S3 has it.

    An object is named after its file, so that a file that is sent twice is one object.

    Args:
        client: a botocore client of S3.
        folder: the folder of audit records.
    """

    def __init__(self, client: Any, folder: Path) -> None:
        self._client = client
        self._folder = folder / CONTENT_FOLDER

    def deliver(self) -> bool:
        """Send all files that are ready; whether S3 accepted all of them."""
        # One bucket that does not accept files does not keep the others from it.
        delivered = [self._deliver(each) for each in sorted(self._folder.glob("*.*"))]
        return all(delivered)

    def _deliver(self, folder: Path) -> bool:
        account, _, bucket = folder.name.partition(".")
        files = WaitingFiles(folder)
        for path in files.ready():
            taken = files.take(path)
            if taken is None:
                continue
            name = taken.name.partition(".")[0]
            opened = int(name.partition("-")[0]) / 1e9
            try:
                with taken.open("rb") as content:
                    self._client.put_object(
                        Bucket=bucket,
                        Key=object_key(name, opened),
                        Body=content,
                        ContentType="application/jsonl",
                        ExpectedBucketOwner=account,
                    )
            except (BotoCoreError, ClientError, OSError) as error:
                if time.time() - opened > _KEPT_SECONDS:
                    _log.error("audited content is lost: %s has not accepted it for days: %s", bucket, error)
                    taken.unlink(missing_ok=True)
                    continue
                _log.warning("audited content is not delivered to %s: %s %s", bucket, type(error).__name__, error)
                files.give_back(taken)
                return False
            taken.unlink(missing_ok=True)
        return True


def object_key(name: str, opened: float) -> str:
    """The name of an object.

    Args:
        name: the file's, without its suffix.
        opened: when it was opened, in UNIX seconds.
    """
    return f"{OBJECT_PREFIX}/{datetime.fromtimestamp(opened, UTC):%Y/%m/%d/%H}/{name}.jsonl"
