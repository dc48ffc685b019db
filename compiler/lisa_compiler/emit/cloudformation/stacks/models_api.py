"""The models-api stack: model management for administrators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lisa_compiler.emit.cloudformation.constructs.function_role import add_function_role
from lisa_compiler.emit.cloudformation.constructs.functions import PythonFunction
from lisa_compiler.emit.cloudformation.constructs.json_parameters import publish_json
from lisa_compiler.emit.cloudformation.constructs.policies import allow, deny
from lisa_compiler.emit.cloudformation.constructs.routes import Routes, web_origin
from lisa_compiler.emit.cloudformation.constructs.stack import LisaStack
from lisa_compiler.emit.cloudformation.constructs.tables import add_table
from lisa_compiler.plan.names import EFFECTIVE_CONFIGURATION, REGISTERED_MODELS
from lisa_compiler.plan.routes import MODELS_ROUTES

if TYPE_CHECKING:
    import aws_cdk as cdk

    from lisa_compiler.emit.cloudformation.constructs.assets import Assets
    from lisa_compiler.emit.cloudformation.constructs.policies import Statement
    from lisa_compiler.emit.cloudformation.protocol import StackInput
    from lisa_compiler.plan import Deployment

# Each model registers itself, and the others say how to compile.
_NOT_DEPLOYED = ("ecsModels", "profile", "runCdkNag")


def build(app: cdk.App, stack: StackInput, assets: Assets) -> cdk.Stack:
    """Add the stack of an input to an app."""
    return ModelsApiStack(app, stack.deployment, assets)


class ModelsApiStack(LisaStack):
    """`/models` and `/proposals` with what is below, `/docs` and `/openapi.json`."""

    def __init__(self, app: cdk.App, deployment: Deployment, assets: Assets) -> None:
        super().__init__(app, deployment, "models-api")
        add_table(self, "ProposalsTable", name=deployment.names.proposals_table, keys=["environment", "id"])
        role = add_function_role(self, "ModelsRole", function="models", statements=self._statements())
        function = PythonFunction(
            self,
            "Models",
            function="models",
            package="models",
            role_arn=role.attr_arn,
            layers=["common", "fastapi"],
            environment={
                "CONFIGURATION_PS_NAME": self._publish_configuration(),
                "ENVIRONMENT": deployment.environment,
                "LOG_LEVEL": deployment.function_log_level,
                "MODELS_PS_PATH": deployment.names.parameter(REGISTERED_MODELS),
                "PROPOSALS_TABLE_NAME": deployment.names.proposals_table,
                "WEB_ORIGIN": web_origin(self),
            },
            assets=assets,
            description="Lists, starts and stops models, and stores change proposals",
        )
        Routes(self, "Routes", routes=MODELS_ROUTES, function=function)

    def _statements(self) -> list[Statement]:
        deployment = self.deployment
        names = deployment.names
        clusters = deployment.arn("ecs", f"cluster/{names.cluster('*')}")
        services = deployment.arn("ecs", f"service/{names.cluster('*')}/*")
        group = "autoScalingGroup:*:autoScalingGroupName/{}".format
        models = deployment.arn("ssm", f"parameter{names.parameter(REGISTERED_MODELS)}")
        configuration = deployment.arn("ssm", f"parameter{names.parameter(EFFECTIVE_CONFIGURATION)}")
        return [
            allow("ssm:GetParameters", configuration),
            # IAM decides on the path that is asked for, and not on the parameters below it.
            allow("ssm:GetParametersByPath", [models, configuration]),
            allow("ecs:ListServices", "*", when={"ArnLike": {"ecs:cluster": clusters}}),
            allow("ecs:DescribeServices", services),
            allow("autoscaling:DescribeAutoScalingGroups", "*"),
            allow("autoscaling:UpdateAutoScalingGroup", deployment.arn("autoscaling", group(names.cluster("*")))),
            # The gateway's group has a name like the models'.
            deny(
                "autoscaling:UpdateAutoScalingGroup",
                deployment.arn("autoscaling", group(deployment.rest_api.cluster)),
            ),
            allow(
                ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"],
                deployment.arn("dynamodb", f"table/{names.proposals_table}"),
            ),
            self.use_key("dynamodb"),
        ]

    def _publish_configuration(self) -> str:
        """Publish what a proposed change is validated with."""
        configuration = self.deployment.config.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        for key in _NOT_DEPLOYED:
            configuration.pop(key, None)
        return publish_json(
            self,
            "Configuration",
            EFFECTIVE_CONFIGURATION,
            configuration,
            description="Configuration of the environment without its models",
            source=[
                (field.alias or name,)
                for name, field in type(self.deployment.config).model_fields.items()
                if field.alias not in _NOT_DEPLOYED
            ],
        )
