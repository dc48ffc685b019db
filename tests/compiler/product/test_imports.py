"""Import closures: what a function imports, and nothing else."""

from __future__ import annotations

import pytest

from lisa_compiler.product.imports import imported_files

PACKAGES = {
    "app/__init__.py": b"",
    "app/py.typed": b"",
    "app/one/__init__.py": b"",
    "app/one/handler.py": b"from app.shared import words\nimport json\n",
    "app/shared/__init__.py": b"",
    "app/shared/words.py": b"",
    "app/shared/other.py": b"",
    "app/two.py": b"",
    "lib/__init__.py": b"from lib.core import x\n",
    "lib/core.py": b"x = 1\n",
    "lib/unused.py": b"",
    "lib/data/table.json": b"{}",
    "lib/data/other.json": b"{}",
}


def closure(source: str) -> set[str]:
    """The files that a module with this source needs, besides itself and its packages."""
    files = {**PACKAGES, "app/one/handler.py": source.encode()}
    own = {"app/__init__.py", "app/one/__init__.py", "app/one/handler.py"}
    found = set(imported_files(files, "app.one.handler"))
    assert own <= found
    return found - own


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import json\n", set()),
        ("import app.two\n", {"app/two.py"}),
        ("from app import two\n", {"app/two.py"}),
        ("from .. import two\n", {"app/two.py"}),
        ("from ..shared import words as w\n", {"app/shared/__init__.py", "app/shared/words.py"}),
        ("from app.shared.words import anything\n", {"app/shared/__init__.py", "app/shared/words.py"}),
        ("import lib\n", {"lib/__init__.py", "lib/core.py"}),
        ("def late():\n    from app import two\n", {"app/two.py"}),
        ("try:\n    import app.two\nexcept ImportError:\n    pass\n", {"app/two.py"}),
        ("command = ['-m', 'app.two']\n", {"app/two.py"}),
        (
            "import lib.core\nname = 'table.json'\n",
            {"lib/__init__.py", "lib/core.py", "lib/data/table.json"},
        ),
        ("name = 'table.json'\n", set()),
    ],
)
def test_closure_follows_every_form_of_import(source: str, expected: set[str]) -> None:
    assert closure(source) == expected


def test_closure_excludes_imports_for_type_checkers() -> None:
    guarded = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import app.two\nelse:\n    import lib\n"
    assert closure(guarded) == {"lib/__init__.py", "lib/core.py"}
    assert closure("import typing\nif typing.TYPE_CHECKING:\n    import app.two\n") == set()


def test_closure_is_in_order_of_paths() -> None:
    found = imported_files(PACKAGES, "app.one.handler")
    assert list(found) == sorted(found)
    assert found["app/shared/words.py"] == PACKAGES["app/shared/words.py"]


def test_program_of_a_package_is_included() -> None:
    files = {**PACKAGES, "app/two/__init__.py": b"", "app/two/__main__.py": b"import lib.core\n"}
    files["app/one/handler.py"] = b"command = ('-m', 'app.two')\n"
    assert {"app/two/__main__.py", "lib/core.py"} <= set(imported_files(files, "app.one.handler"))


def test_unknown_module_is_an_error() -> None:
    with pytest.raises(KeyError):
        imported_files(PACKAGES, "app.three")
