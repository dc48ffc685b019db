"""What is deployed is no part of the distribution: its packages are found in their folders."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
for folder in ("runtime/gateway", "runtime/instructor", "runtime/lambdas", "sdk"):
    path = str(ROOT / folder)
    if path not in sys.path:
        sys.path.insert(0, path)
