from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from tests.compiler.conftest import MINIMAL, TGI, mirrored, model

if TYPE_CHECKING:
    from collections.abc import Callable

    from lisa_compiler.plan import Deployment

    Planned = Callable[..., Deployment]


def test_stacks_come_after_what_they_depend_on(planned: Planned) -> None:
    seen: set[str] = set()
    for stack in planned().stacks:
        assert set(stack.depends_on) <= seen
        seen.add(stack.component)


def test_stack_names_follow_the_pattern(planned: Planned) -> None:
    assert planned().stack("serve").name == "test-lisa-serve-dev"


def test_optional_stacks_follow_the_switches(planned: Planned) -> None:
    deployment = planned(deployChat=False, deployUi=False, deployRag=False)
    assert not any(deployment.deploys(component) for component in ("chat", "ui", "rag"))


def test_model_that_is_not_deployed_has_no_stack(planned: Planned) -> None:
    deployment = planned(ecsModels=[model(), model(modelId="other", deploy=False)])
    assert [plan.id for plan in deployment.models] == ["small"]


def test_direct_dependencies_leave_out_what_follows(planned: Planned) -> None:
    direct = planned().direct_dependencies()
    assert direct["serve"] == ("api-base",)
    assert direct["iam"] == ()


def test_model_has_a_stable_address(planned: Planned) -> None:
    assert planned().models[0].url == "http://small.test.lisa.internal"


def test_model_with_certificate_and_domain_is_reached_by_it(planned: Planned) -> None:
    balancer = {
        **TGI["loadBalancerConfig"],
        "sslCertIamArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
        "domainName": "small.example.com",
    }
    assert planned(ecsModels=[model(loadBalancerConfig=balancer)]).models[0].url == "https://small.example.com"


def test_bundle_outside_of_the_system_directory_is_mounted_too(planned: Planned) -> None:
    trust = planned(certificateAuthorityBundle="/opt/company/ca.pem").trust
    assert trust is not None
    assert trust.volume == ("pki", "/opt/company", "/opt/company")


def test_isolated_region_has_its_own_partition(planned: Planned) -> None:
    rest = copy.deepcopy(MINIMAL["restApiConfig"])
    rest["loadBalancerConfig"]["sslCertIamArn"] = "arn:aws-iso:iam::123456789012:server-certificate/test"
    deployment = planned(
        region="us-iso-east-1",
        pypiConfig={"indexUrl": "https://pypi.example/simple"},
        certificateAuthorityBundle="/etc/pki/bundle.crt",
        restApiConfig=mirrored(rest),
        ecsModels=[],
    )
    assert deployment.arn("s3", "x", region=False, account=False) == "arn:aws-iso:s3:::x"
    assert deployment.service_principal("ec2") == "ec2.amazonaws.com"
    assert deployment.service_principal("lambda") == "lambda.amazonaws.com"


def test_existing_database_is_not_made(planned: Planned) -> None:
    repositories = [
        {"repositoryId": "new", "type": "pgvector", "rdsConfig": {"username": "postgres"}},
        {
            "repositoryId": "old",
            "type": "pgvector",
            "rdsConfig": {"username": "postgres", "dbHost": "db.example.com", "passwordSecretId": "secret"},
        },
    ]
    plans = planned(deployRag=True, ragRepositories=repositories).repositories
    assert [plan.resource_name for plan in plans] == ["test-lisa-dev-new", None]
