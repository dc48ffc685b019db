"""A VPC with isolated subnets only: everything is in them, with the endpoints that the VPC lacks."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.compiler.conftest import MINIMAL, Project, resources, templates

SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
EXISTING = ["com.amazonaws.us-east-1.logs", "ecr.api"]


@pytest.fixture(scope="module")
def networking(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    rest = copy.deepcopy(dict(MINIMAL["restApiConfig"])) | {"internetFacing": False}
    project = Project(tmp_path_factory.mktemp("project"))
    project.write(
        restApiConfig=rest,
        deployRag=True,
        ragRepositories=[{"repositoryId": "docs", "type": "pgvector", "rdsConfig": {"username": "lisa"}}],
        vpc={
            "vpcId": "vpc-0123456789abcdef0",
            "availabilityZones": ["us-east-1a", "us-east-1b"],
            "isolatedSubnetIds": SUBNETS,
            "cidrBlock": "10.1.0.0/16",
            "existingEndpoints": EXISTING,
            "createEndpoints": True,
            "routeTableIds": ["rtb-0123456789abcdef0"],
        },
    )
    return templates(project.compile().files)["networking"]


def test_instances_and_databases_are_in_the_isolated_subnets(networking: dict[str, Any]) -> None:
    parameters = {
        one["Properties"]["Name"].rpartition("/networking/")[2]: one["Properties"]["Value"]
        for one in resources(networking, "AWS::SSM::Parameter")
    }
    assert parameters["subnets/private"] == parameters["subnets/isolated"] == ",".join(SUBNETS)
    assert "subnets/public" not in parameters


def test_missing_endpoints_are_created(networking: dict[str, Any]) -> None:
    created = {
        one["Properties"]["ServiceName"]: one["Properties"] for one in resources(networking, "AWS::EC2::VPCEndpoint")
    }
    names = {name.removeprefix("com.amazonaws.us-east-1.") for name in created}
    assert names == {
        *("autoscaling", "cloudformation", "dynamodb", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry"),
        *("elasticloadbalancing", "s3", "secretsmanager", "ssm"),
    }
    gateway, interface = created["com.amazonaws.us-east-1.s3"], created["com.amazonaws.us-east-1.ecr.dkr"]
    assert (gateway["VpcEndpointType"], gateway["RouteTableIds"]) == ("Gateway", ["rtb-0123456789abcdef0"])
    assert (interface["SubnetIds"], interface["PrivateDnsEnabled"]) == (SUBNETS, True)
    group = networking["Resources"][interface["SecurityGroupIds"][0]["Fn::GetAtt"][0]]["Properties"]
    assert [(one["CidrIp"], one["FromPort"]) for one in group["SecurityGroupIngress"]] == [("10.1.0.0/16", 443)]
