"""What a package exports is what its `__all__` says, and all of it is there."""

from __future__ import annotations

import importlib

import pytest

PACKAGES = (
    "lisa_compiler.cli",
    "lisa_compiler.plan",
    "lisa_oidc",
    "lisa_tokens",
    "lisa_schema",
    "lisa_schema.models",
    "lisa_schema.rules",
)


@pytest.mark.parametrize("package", PACKAGES)
def test_exported_names_are_there(package: str) -> None:
    module = importlib.import_module(package)
    exported = module.__all__
    assert sorted(set(exported), key=exported.index) == list(exported)
    assert all(hasattr(module, name) for name in exported)


@pytest.mark.parametrize("package", PACKAGES)
def test_exported_names_are_public(package: str) -> None:
    assert not [name for name in importlib.import_module(package).__all__ if name.startswith("_")]
