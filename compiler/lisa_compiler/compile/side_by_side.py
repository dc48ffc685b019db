"""Compiles several environments at the same time: one plans while the stacks of others are synthesized."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from lisa_compiler.emit.cloudformation import runtime
from lisa_schema.errors import ConfigurationError, LisaError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from lisa_schema.diagnostics import Diagnostic

Result = TypeVar("Result")


def side_by_side(names: Sequence[str], act: Callable[[str], Result], *, in_turn: bool = False) -> list[Result]:
    """Act on each environment, on several at the same time.

    Threads suffice: most of the work is done by the processes that synthesize stacks. One more environment than there
    are such processes is worked on, so that none of them waits for a plan. Ctrl-C ends those processes, and what waits
    is not begun.

    Args:
        names: the environments.
        act: what is done with each; it may be called in several threads at once.
        in_turn: whether one environment begins when the one before has ended.

    Returns:
        The results, in the order of the names.

    Raises:
        ConfigurationError: configurations have errors: those of all environments.
        LisaError: an environment cannot be compiled for another reason: the reasons of all.
    """
    if len(names) == 1:
        return [act(names[0])]
    at_once = 1 if in_turn else runtime.workers().limit + 1
    with ThreadPoolExecutor(at_once, thread_name_prefix="compile") as threads:
        try:
            return _results([threads.submit(act, name) for name in names])
        except BaseException as error:
            threads.shutdown(wait=False, cancel_futures=True)
            if not isinstance(error, LisaError):
                runtime.interrupt()
            raise


def _results(futures: Sequence[Future[Result]]) -> list[Result]:
    results: list[Result] = []
    diagnostics: list[Diagnostic] = []
    errors: list[LisaError] = []
    for future in futures:
        try:
            results.append(future.result())
        except ConfigurationError as error:
            diagnostics += error.diagnostics
        except LisaError as error:
            errors.append(error)
    if any(diagnostic.is_error for diagnostic in diagnostics):
        raise ConfigurationError(diagnostics)
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise LisaError("\n".join(dict.fromkeys(map(str, errors))))
    return results
