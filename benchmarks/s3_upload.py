"""Upload a folder as `aws s3 sync` does: `python -m benchmarks.s3_upload FOLDER BUCKET PREFIX ENDPOINT`.

The AWS CLI moves files by s3transfer with its default TransferConfig: parts of 8 MiB, ten requests at once.
"""

from __future__ import annotations

import sys
from pathlib import Path


def upload(folder: Path, bucket: str, prefix: str, endpoint: str) -> None:
    """Send all files."""
    import boto3
    from s3transfer.manager import TransferManager

    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    with TransferManager(client) as manager:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        sent = [manager.upload(str(path), bucket, f"{prefix}/{path.relative_to(folder).as_posix()}") for path in files]
        for each in sent:
            each.result()


if __name__ == "__main__":
    upload(Path(sys.argv[1]), *sys.argv[2:5])
