"""What happens to a resource: by its own properties, and by what they refer to."""

from __future__ import annotations

from typing import Any

import pytest

from lisa_compiler.review.output import Output
from lisa_compiler.review.resources import Effect, compare_resources

from .outputs import output, parameter, resource


def effects(before: Output, after: Output) -> dict[str, Effect]:
    return {"/".join(change.resource.key): change.effect for change in compare_resources(before, after)}


@pytest.mark.parametrize(
    ("kind", "before", "after", "effect"),
    [
        ("DynamoDB::Table", {"TableName": "a"}, {"TableName": "b"}, Effect.REPLACED),
        ("DynamoDB::Table", {"BillingMode": "PROVISIONED"}, {"BillingMode": "PAY_PER_REQUEST"}, Effect.UPDATED),
        ("DynamoDB::Table", {"KeySchema": [1]}, {"KeySchema": [2]}, Effect.MAYBE_REPLACED),
        (
            "RDS::DBInstance",
            {"DBInstanceClass": "db.m5.large"},
            {"DBInstanceClass": "db.m6i.large"},
            Effect.INTERRUPTED,
        ),
        ("RDS::DBInstance", {"StorageEncrypted": False}, {"StorageEncrypted": True}, Effect.REPLACED),
        ("OpenSearchService::Domain", {"EngineVersion": "1"}, {"EngineVersion": "2"}, Effect.REPLACED),
        ("ElasticLoadBalancingV2::LoadBalancer", {"Scheme": "internal"}, {}, Effect.REPLACED),
        ("ECS::Service", {"LaunchType": "EC2"}, {"LaunchType": "FARGATE"}, Effect.MAYBE_REPLACED),
        ("Unknown::Thing", {"Property": 1}, {"Property": 2}, Effect.UPDATED),
    ],
)
def test_a_property_that_changes(kind: str, before: Any, after: Any, effect: Effect) -> None:
    sides = [output({"core": {"Thing": resource(kind, **properties)}}) for properties in (before, after)]
    assert effects(*sides) == {"core/Thing": effect}


def test_nothing_is_said_of_what_stays() -> None:
    same = output({"core": {"Table": resource("DynamoDB::Table", TableName="a")}})
    assert effects(same, same) == {}


def test_a_policy_or_a_dependency_alone_updates_nothing() -> None:
    before = output({"core": {"Table": resource("DynamoDB::Table", TableName="a", DeletionPolicy="Retain")}})
    after = output({"core": {"Table": resource("DynamoDB::Table", TableName="a", DeletionPolicy="Delete")}})
    assert effects(before, after) == {}


def fleet(instance_type: str, **service: Any) -> Output:
    return output(
        {
            "model-a": {
                "Template": resource("EC2::LaunchTemplate", LaunchTemplateData={"InstanceType": instance_type}),
                "Group": resource(
                    "AutoScaling::AutoScalingGroup",
                    AutoScalingGroupName="a",
                    LaunchTemplate={
                        "LaunchTemplateId": {"Ref": "Template"},
                        "Version": {"Fn::GetAtt": ["Template", "LatestVersionNumber"]},
                    },
                    UpdatePolicy={"AutoScalingRollingUpdate": {"MinInstancesInService": 1}},
                ),
                "Task": resource("ECS::TaskDefinition", Family="a", Memory=instance_type),
                "Service": resource("ECS::Service", TaskDefinition={"Ref": "Task"}, **service),
            }
        }
    )


def test_a_new_version_of_a_launch_template_replaces_the_instances_of_its_group() -> None:
    changes = compare_resources(fleet("m5.large"), fleet("m5.xlarge"))
    group = next(change for change in changes if change.resource.logical_id == "Group")
    assert group.effect is Effect.INTERRUPTED
    assert dict(group.caused_by) == {("LaunchTemplate", "Version"): ("model-a", "Template")}


@pytest.mark.parametrize(("healthy", "effect"), [(0, Effect.INTERRUPTED), (100, Effect.UPDATED)])
def test_a_new_task_definition_interrupts_a_service_that_stops_the_old_one_first(healthy: int, effect: Effect) -> None:
    deployment = {"DeploymentConfiguration": {"MinimumHealthyPercent": healthy}}
    found = effects(fleet("m5.large", **deployment), fleet("m5.xlarge", **deployment))
    assert (found["model-a/Task"], found["model-a/Service"]) == (Effect.REPLACED, effect)


def two_stacks(vpc: str, *, default: str = "/acme/group", name: str = "/acme/group") -> Output:
    published = resource("SSM::Parameter", Name=name, Value={"Fn::GetAtt": ["Group", "GroupId"]})
    return output(
        {
            "networking": {"Group": resource("EC2::SecurityGroup", VpcId=vpc), "GroupParameter": published},
            "serve": {
                "Balancer": resource("ElasticLoadBalancingV2::LoadBalancer", SecurityGroups=[{"Ref": "GroupId"}])
            },
        },
        parameters={"serve": {"GroupId": parameter(default)}},
    )


def test_a_replacement_is_followed_through_parameter_store() -> None:
    assert effects(two_stacks("vpc-1"), two_stacks("vpc-2")) == {
        "networking/Group": Effect.REPLACED,
        "networking/GroupParameter": Effect.UPDATED,
        "serve/Balancer": Effect.UPDATED,
    }


def test_a_value_that_is_only_published_under_another_name_changes_nothing_else() -> None:
    after = two_stacks("vpc-1", default="/other/group", name="/other/group")
    assert effects(two_stacks("vpc-1"), after) == {"networking/GroupParameter": Effect.REPLACED}


def test_a_parameter_that_reads_another_value_is_followed_to_a_property_that_replaces() -> None:
    def stack(default: str) -> Output:
        target = resource("ElasticLoadBalancingV2::TargetGroup", VpcId={"Ref": "Vpc"})
        return output({"serve": {"Targets": target}}, parameters={"serve": {"Vpc": parameter(default)}})

    assert effects(stack("/shared/vpc"), stack("/shared/other-vpc")) == {"serve/Targets": Effect.REPLACED}


def test_a_replaced_resource_that_keeps_its_name_is_still_referred_to_by_it() -> None:
    def stack(encrypted: bool) -> Output:
        database = resource("RDS::DBInstance", DBInstanceIdentifier="a", StorageEncrypted=encrypted)
        by_name = resource("SSM::Parameter", Name="/name", Value={"Ref": "Database"})
        by_address = resource("SSM::Parameter", Name="/host", Value={"Fn::GetAtt": ["Database", "Endpoint.Address"]})
        return output({"rag": {"Database": database, "ByName": by_name, "ByAddress": by_address}})

    assert effects(stack(False), stack(True)) == {
        "rag/Database": Effect.REPLACED,
        "rag/ByAddress": Effect.UPDATED,
    }


def test_a_part_of_a_property_does_not_replace_because_another_part_would() -> None:
    def stack(role: str) -> Output:
        options = {"Enabled": True, "MasterUserOptions": {"MasterUserARN": {"Fn::GetAtt": ["Role", "Arn"]}}}
        domain = resource("OpenSearchService::Domain", DomainName="a", AdvancedSecurityOptions=options)
        return output({"rag": {"Role": resource("IAM::Role", RoleName=role), "Domain": domain}})

    assert effects(stack("a"), stack("b")) == {"rag/Role": Effect.REPLACED, "rag/Domain": Effect.UPDATED}


def test_the_deployment_of_the_api_is_one_that_is_made_anew() -> None:
    before = output({"api-deployment": {"ApiDeploymentaa": resource("ApiGateway::Deployment", RestApiId="x")}})
    after = output({"api-deployment": {"ApiDeploymentbb": resource("ApiGateway::Deployment", RestApiId="x")}})
    assert effects(before, after) == {"api-deployment/ApiDeploymentbb": Effect.REPLACED}
