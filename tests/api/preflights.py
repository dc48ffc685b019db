"""What the local AWS drops of a template: integration responses of preflights, put by API Gateway's own calls."""

from __future__ import annotations

from tests.compiler.conftest import resources, templates

from lisa_compiler.compile.pipeline import Compiled
from lisa_compiler.dev.local_aws import LocalAws


def complete_preflights(compiled: Compiled, aws: LocalAws, api_id: str, origin: str) -> None:
    """Put the integration responses that the templates give to their preflights."""
    cloudformation, gateway = aws.client("cloudformation"), aws.client("apigateway")
    found = templates(compiled.files)
    for component in ("models-api", "chat", "rag"):
        for method in resources(found[component], "AWS::ApiGateway::Method"):
            properties = method["Properties"]
            for response in properties["Integration"].get("IntegrationResponses", []):
                resource = cloudformation.describe_stack_resource(
                    StackName=compiled.deployment.stack(component).name,
                    LogicalResourceId=properties["ResourceId"]["Ref"],
                )
                gateway.put_integration_response(
                    restApiId=api_id,
                    resourceId=resource["StackResourceDetail"]["PhysicalResourceId"],
                    httpMethod=properties["HttpMethod"],
                    statusCode=response["StatusCode"],
                    # Only the origin is not known when the template is compiled.
                    responseParameters={
                        name: value if isinstance(value, str) else f"'{origin}'"
                        for name, value in response["ResponseParameters"].items()
                    },
                )
