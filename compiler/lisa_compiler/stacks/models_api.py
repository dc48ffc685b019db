"""The models-api stack: model management for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.constructs.functions import PythonFunction
from lisa_compiler.constructs.routes import Routes, web_origin
from lisa_compiler.constructs.stack import LisaStack
from lisa_compiler.plan.routes import MODELS_ROUTES

if TYPE_CHECKING:
    import aws_cdk as cdk

    from lisa_compiler.constructs.assets import Assets
    from lisa_compiler.plan import Deployment


class ModelsApiStack(LisaStack):
    """`/models` and below, `/docs` and `/openapi.json`."""

    def __init__(self, app: cdk.App, deployment: Deployment, assets: Assets) -> None:
        super().__init__(app, deployment, "models-api")
        function = PythonFunction(
            self,
            "Models",
            function="models",
            package="models",
            layers=["common", "fastapi"],
            environment={
                "CLUSTER_PREFIX": deployment.names.cluster(""),
                "LOG_LEVEL": deployment.function_log_level,
                "REGISTERED_MODELS_PS_NAME": deployment.names.parameter("registeredModels"),
                "WEB_ORIGIN": web_origin(self),
            },
            assets=assets,
            description="Lists, starts and stops models",
        )
        Routes(self, "Routes", routes=MODELS_ROUTES, function=function)
