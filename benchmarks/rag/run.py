"""`make bench-rag`: `python benchmarks/rag/run.py --help` says what can be asked."""

import sys
from pathlib import Path

if __name__ == "__main__":
    root = Path(__file__).resolve().parents[2]
    sys.path[:0] = [str(root / name) for name in ("", "tests", "runtime/lambdas", "runtime/oidc")]
    from benchmarks.rag.cli import main

    sys.exit(main())
