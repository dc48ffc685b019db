"""`make bench`: `python benchmarks/run.py --help` says what can be asked."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from benchmarks.cli import main

    sys.exit(main())
