"""The current phase of a command next to a spinner, on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status


@contextmanager
def phase_spinner() -> Iterator[Callable[[str], None] | None]:
    """Yield a function that shows the current phase, from its first call on; None without a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with ExitStack() as stack:
        status: Status | None = None

        def show(phase: str) -> None:
            nonlocal status
            from rich.console import Console  # noqa: PLC0415  # 80 ms that a command without phases does not need
            from rich.text import Text  # noqa: PLC0415  # likewise

            console = Console(stderr=True)
            if status is None and not console.is_dumb_terminal:
                status = stack.enter_context(console.status(""))
            if status is not None:
                status.update(Text(phase))

        yield show
