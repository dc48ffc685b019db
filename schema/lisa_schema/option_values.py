"""What the options of any engine take: by the table of vLLM's and SGLang's releases, and of what clap declares."""

from __future__ import annotations

from typing import Final

from lisa_schema import clap_values, engine_values
from lisa_schema.engine_settings import names
from lisa_schema.engine_values import ValueFault
from lisa_schema.engine_versions import EngineVersion, version

_DECLARED_TO: Final = {"tgi": version("3.3.99"), "tei": version("1.9.99")}
"""The last versions whose declarations clap_values has read."""


def is_covered(engine: str, installed: EngineVersion | None) -> bool:
    """Return whether the table has what a version accepts."""
    if engine in _DECLARED_TO:
        return installed is not None and installed <= _DECLARED_TO[engine]
    return engine_values.is_listed(engine) and engine_values.is_covered(engine, installed)


def takes_no_value(engine: str, option: str, installed: EngineVersion | None) -> bool:
    """Return whether an option is a flag in every release that the version may be."""
    if engine in _DECLARED_TO:
        return clap_values.takes_no_value(engine, option)
    return engine_values.takes_no_value(engine, option, installed)


def requires_value(engine: str, option: str, installed: EngineVersion | None) -> bool:
    """Return whether an option takes a value in every release that the version may be."""
    if engine in _DECLARED_TO:
        return option in names(engine, "options") and not clap_values.takes_no_value(engine, option)
    return engine_values.requires_value(engine, option, installed)


def value_fault(engine: str, option: str, value: str, installed: EngineVersion | None) -> ValueFault | None:
    """Return why no release that a version may be accepts a value; None when one does, or the table does not say.

    Args:
        engine: an inference container other than instructor.
        option: its name without dashes; of vLLM also a variable.
        value: the value as it is passed.
        installed: None, and versions that the table does not cover, are compared with all releases.
    """
    if engine in _DECLARED_TO:
        told = clap_values.clap_fault(engine, option, value)
        return None if told is None else ValueFault(wanted=told[0], fix=told[1])
    return engine_values.value_fault(engine, option, value, installed)
