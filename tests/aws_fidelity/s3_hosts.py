"""Which S3 host serves a bucket of a Region, and what the others answer.

Source: Amazon S3 User Guide, "Virtual hosting of buckets" and "Backward compatibility": the global host serves buckets
of the partition `aws` in us-east-1, redirects (307) for Regions launched until 20 March 2019 while DNS has not spread,
and answers 400 for later ones. The hosts of other partitions are regional only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from lisa_schema.regions import Region

GLOBAL_HOST = "s3.amazonaws.com"
# Regions of the partition `aws` that the global host knows; ap-east-1 and all later ones are not among them.
BEFORE_MARCH_2019 = frozenset(
    {
        *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
        *("ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1"),
        *("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    }
)


def status(url: str, bucket: str, home: Region) -> int:
    """What S3 answers to a correct form that is sent to a URL, for a bucket in a Region; 0 for a host that is none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return 0
    if host.startswith(f"{bucket}."):
        host, path = host.removeprefix(f"{bucket}."), "/"
    else:
        path = f"/{bucket}"
    if parts.path.rstrip("/") != path.rstrip("/"):
        return 404
    if host == f"s3.{home.name}.{home.dns_suffix}":
        return 204
    if host == GLOBAL_HOST and home.partition.id == "aws":
        return 204 if home.name == "us-east-1" else 307 if home.name in BEFORE_MARCH_2019 else 400
    return 0
