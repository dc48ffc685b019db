"""Preflight: what would fail in an account before anything is deployed there.

`requirements` says what an environment needs, from its plan and its templates. `facts` is what an account says, which
`collect` reads and a file carries to a network without access to it. `checks` compare the two. Nothing is changed.
"""

from lisa_compiler.deploy.preflight.checks import check
from lisa_compiler.deploy.preflight.collect import collect
from lisa_compiler.deploy.preflight.facts import Facts, load_facts, render_facts
from lisa_compiler.deploy.preflight.requirements import Requirements, require
from lisa_compiler.deploy.preflight.result import Result, Status

__all__ = [
    "Facts",
    "Requirements",
    "Result",
    "Status",
    "check",
    "collect",
    "load_facts",
    "render_facts",
    "require",
]
