"""Several environments at the same time: order, errors of all, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from lisa_compiler.compile.side_by_side import side_by_side
from lisa_schema.artifact_diagnostics import LOCAL_FILE
from lisa_schema.errors import ConfigurationError, LisaError

PATH = os.pathsep.join(str(Path(__file__).parents[3] / name) for name in ("schema", "compiler", "weights"))


def test_results_have_the_order_of_the_names_whatever_ends_first() -> None:
    other = threading.Event()

    def act(name: str) -> str:
        if name == "a":
            assert other.wait(20)
        other.set()
        return name.upper()

    assert side_by_side(["a", "b", "c"], act) == ["A", "B", "C"]


def test_errors_of_all_environments_are_reported() -> None:
    done = []

    def act(name: str) -> str:
        if name == "good":
            done.append(name)
            return name
        raise ConfigurationError([LOCAL_FILE.at(None, f"{name} is wrong", fix="Fix it.")])

    with pytest.raises(ConfigurationError) as caught:
        side_by_side(["one", "good", "two"], act)
    assert [diagnostic.message for diagnostic in caught.value.diagnostics] == ["one is wrong", "two is wrong"]
    assert done == ["good"]


def test_other_errors_are_told_once() -> None:
    def act(name: str) -> str:
        raise LisaError("The same for all." if name != "c" else "Another.")

    with pytest.raises(LisaError, match=r"\AThe same for all\.\nAnother\.\Z"):
        side_by_side(["a", "b", "c"], act)


def test_interrupt_ends_it_and_begins_nothing_more(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import sys, time
        from pathlib import Path
        from lisa_compiler.compile.side_by_side import side_by_side
        from lisa_compiler.emit.cloudformation import runtime

        def act(name):
            Path({str(tmp_path)!r}, name).touch()
            print(name, flush=True)
            time.sleep(0.5)

        runtime.workers().prepare()
        try:
            side_by_side([str(number) for number in range(1000)], act)
        except KeyboardInterrupt:
            sys.exit(130)
        """
    )
    began = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": PATH}
    )
    assert began.stdout is not None
    began.stdout.readline()
    began.send_signal(signal.SIGINT)
    ended = time.monotonic()
    began.stdout.read()
    assert began.wait() == 130
    began.stdout.close()
    assert time.monotonic() - ended < 20
    assert len(list(tmp_path.iterdir())) < 20
