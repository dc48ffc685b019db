"""What product artifacts are made from: LISA's own files, or those that a configuration names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import MINIMAL

from lisa_compiler.product.artifact import WEB_APPLICATION, FunctionRecipe, ImageRecipe, WebRecipe
from lisa_compiler.product.recipes import product_recipes
from lisa_compiler.product.sources import complete_files, product_files
from lisa_compiler.project.local_files import LocalFileError

if TYPE_CHECKING:
    from lisa_compiler.plan import Deployment

    Planned = Callable[..., Deployment]


def test_deployment_needs_what_its_stacks_run(planned: Planned) -> None:
    names = set(product_recipes(planned()))
    assert {"functions/authorizer", "functions/models", "layers/sdk", "containers/rest-api"} <= names
    assert "functions/rag" not in names
    assert WEB_APPLICATION in names
    assert WEB_APPLICATION not in product_recipes(planned(deployUi=False))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"lambdaLayerAssets": {"commonLayerPath": "layers/common.zip"}}, "layers/common"),
        (
            {
                "restApiConfig": {
                    **MINIMAL["restApiConfig"],
                    "containerConfig": {"image": {"type": "registry", "registry": "example.com/gateway:1"}},
                }
            },
            "containers/rest-api",
        ),
    ],
)
def test_prebuilt_files_are_not_product_code(planned: Planned, changes: dict[str, Any], name: str) -> None:
    assert name in product_recipes(planned())
    assert name not in product_recipes(planned(**changes))


def test_folder_of_lisa_2_means_the_functions_of_lisa(planned: Planned) -> None:
    assert product_recipes(planned(lambdaSourcePath="./lambda")) == product_recipes(planned())
    assert product_recipes(planned(lambdaSourcePath="src"))["functions/models"] == FunctionRecipe(path="src")


def test_own_function_package_is_used_in_full(tmp_path: Path) -> None:
    package = tmp_path / "src" / "lisa_lambdas"
    package.mkdir(parents=True)
    (package / "mine.py").write_text("x = 1\n", encoding="utf-8")
    files = product_files("functions/session", FunctionRecipe(path="src"), tmp_path)
    assert {path for path in files if path.startswith("lisa_lambdas/")} == {"lisa_lambdas/mine.py"}
    assert b"def verify(" in files["lisa_oidc/verification.py"]
    assert "lisa_schema/validate.py" in files


def test_own_function_sources_need_the_package(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    with pytest.raises(LocalFileError, match="src does not contain lisa_lambdas"):
        product_files("functions/session", FunctionRecipe(path="src"), tmp_path)


def test_own_web_application_needs_an_index(tmp_path: Path) -> None:
    (tmp_path / "dist").mkdir()
    with pytest.raises(LocalFileError, match=r"dist has no index\.html"):
        product_files(WEB_APPLICATION, WebRecipe(path="dist"), tmp_path)
    (tmp_path / "dist" / "index.html").write_text("<html>", encoding="utf-8")
    assert product_files(WEB_APPLICATION, WebRecipe(path="dist"), tmp_path) == {"index.html": b"<html>"}


def test_image_has_the_environments_files_and_the_product_code(tmp_path: Path) -> None:
    own = {"containers/rest-api/Dockerfile": b"FROM x\n", "containers/small/Dockerfile": b"", "SUMMARY.md": b""}
    files = complete_files("containers/rest-api", ImageRecipe(kind="rest-api"), tmp_path, own)
    assert files["containers/rest-api/Dockerfile"] == b"FROM x\n"
    assert b"litellm==" in files["containers/rest-api/requirements.txt"]
    assert "containers/rest-api/lisa_gateway/app.py" in files
    assert not any("small" in path or "SUMMARY" in path for path in files)
