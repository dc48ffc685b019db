"""Progress on a terminal; silence anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stages() -> Iterator[Callable[[str], None] | None]:
    """Yield a function that shows the current phase next to a spinner; None without a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    if console.is_dumb_terminal:
        yield None
        return
    with console.status("") as status:
        yield lambda stage: status.update(Text(stage))
