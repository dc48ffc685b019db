"""Files of installed packages that the tables are made from."""

from __future__ import annotations

import gzip
import json
from functools import cache
from importlib import util
from pathlib import Path
from typing import Any


def resource(package: str, path: str) -> Path:
    """A file of an installed package, which is not imported: that takes seconds."""
    specification = util.find_spec(package)
    if specification is None or specification.origin is None:
        raise SystemExit(f"{package} is not installed: install the development requirements first")
    return Path(specification.origin).parent / path


@cache
def packaged(package: str, path: str) -> Any:
    """The content of a JSON file of an installed package, compressed or not."""
    content = resource(package, path).read_bytes()
    return json.loads(gzip.decompress(content) if path.endswith(".gz") else content)
