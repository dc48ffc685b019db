"""DNS names of load balancers: what the VPC resolves, what a hosted zone gets, and which address each caller has."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.compiler.conftest import TGI, configuration, resources, templates


def compile_templates(compiled: Callable[..., Any], **changes: Any) -> dict[str, dict[str, Any]]:
    return templates(compiled(**changes).files)


def rest_api(**balancer: Any) -> dict[str, Any]:
    rest: dict[str, Any] = configuration()["restApiConfig"]
    rest["loadBalancerConfig"] |= balancer
    return rest


def records(template: dict[str, Any]) -> dict[str, Any]:
    """Zone by name of the record; each is an alias of the stack's load balancer."""
    (balancer,) = [
        logical_id
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::ElasticLoadBalancingV2::LoadBalancer"
    ]
    found: dict[str, Any] = {}
    for record in resources(template, "AWS::Route53::RecordSet"):
        properties = record["Properties"]
        assert properties["AliasTarget"]["DNSName"] == {"Fn::GetAtt": [balancer, "DNSName"]}
        assert properties["Type"] == "A"
        found.setdefault(properties["Name"], []).append(properties["HostedZoneId"])
    return found


def values(template: dict[str, Any]) -> dict[str, Any]:
    return {
        one["Properties"]["Name"].rpartition("/")[2]: one["Properties"]["Value"]
        for one in resources(template, "AWS::SSM::Parameter")
    }


def test_gateway_has_a_name_in_the_private_zone(compiled: Callable[..., Any]) -> None:
    serve = compile_templates(compiled)["serve"]
    assert records(serve) == {"rest-api.test.lisa.internal": [{"Ref": "PrivateZoneId"}]}
    assert values(serve)["lisaServeRestApiPrivateUri"] == "https://rest-api.test.lisa.internal"
    assert values(serve)["lisaServeRestApiUri"] == serve["Outputs"]["RestApiUrl"]["Value"]


def test_domain_name_resolves_in_the_vpc(compiled: Callable[..., Any]) -> None:
    serve = compile_templates(compiled, restApiConfig=rest_api(domainName="api.example.com"))["serve"]
    (zone,) = resources(serve, "AWS::Route53::HostedZone")
    assert zone["Properties"]["Name"] == "api.example.com"
    assert zone["Properties"]["VPCs"] == [{"VPCId": {"Ref": "VpcId"}, "VPCRegion": "us-east-1"}]
    assert records(serve)["api.example.com"] == [{"Fn::GetAtt": ["DomainZone", "Id"]}]
    assert (
        values(serve)["lisaServeRestApiPrivateUri"] == values(serve)["lisaServeRestApiUri"] == "https://api.example.com"
    )


def test_hosted_zone_gets_a_record(compiled: Callable[..., Any]) -> None:
    balancer = {"domainName": "api.example.com", "hostedZoneId": "Z0123456789ABCDEFGHIJ"}
    serve = compile_templates(compiled, restApiConfig=rest_api(**balancer))["serve"]
    assert records(serve)["api.example.com"] == [{"Fn::GetAtt": ["DomainZone", "Id"]}, "Z0123456789ABCDEFGHIJ"]


def test_load_balancers_own_name_is_an_output(compiled: Callable[..., Any]) -> None:
    outputs = compile_templates(compiled, restApiConfig=rest_api(domainName="api.example.com"))["serve"]["Outputs"]
    assert outputs["RestApiLoadBalancerName"]["Value"]["Fn::GetAtt"][1] == "DNSName"
    assert outputs["RestApiUrl"]["Value"] == "https://api.example.com"


def test_domain_name_of_a_model_resolves_for_the_gateway(compiled: Callable[..., Any]) -> None:
    balancer = {**TGI["loadBalancerConfig"], "domainName": "small.example.com"}
    model = compile_templates(compiled, ecsModels=[{**TGI, "loadBalancerConfig": balancer}])["model-small"]
    assert set(records(model)) == {"small.test.lisa.internal", "small.example.com"}


def test_rag_calls_the_name_in_the_vpc_and_may_read_it(compiled: Callable[..., Any]) -> None:
    found = compile_templates(
        compiled,
        deployRag=True,
        ragRepositories=[{"repositoryId": "docs", "type": "pgvector", "rdsConfig": {"username": "lisa"}}],
    )
    functions = resources(found["rag"], "AWS::Lambda::Function")
    (rag,) = [one for one in functions if one["Properties"]["FunctionName"].endswith("-rag")]
    name = rag["Properties"]["Environment"]["Variables"]["LISA_API_URL_PS_NAME"]
    assert name == "/dev/test/lisa/lisaServeRestApiPrivateUri"
    (role,) = [
        one
        for one in resources(found["rag"], "AWS::IAM::Role")
        if one["Properties"]["RoleName"].endswith("-rag-function")
    ]
    allowed = [
        statement["Resource"]
        for policy in role["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "ssm:GetParameter"
    ]
    assert any(resource.endswith(f":parameter{name}") for resources_ in allowed for resource in resources_)
