from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from tests.compiler.conftest import MINIMAL, TGI

if TYPE_CHECKING:
    from collections.abc import Callable

    from lisa_compiler.plan import Deployment

    Planned = Callable[..., Deployment]

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf"


def model(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(dict(TGI)), **changes}


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


def test_rest_api_keeps_two_gib_for_the_system_and_room_for_its_next_task(planned: Planned) -> None:
    service = planned().rest_api
    assert (service.memory_mib, service.memory_reservation_mib) == (6 * 1024, 3 * 1024)


def test_model_keeps_five_gib_for_the_system(planned: Planned) -> None:
    service = planned().models[0].service
    assert (service.memory_mib, service.memory_reservation_mib) == (11 * 1024, 11 * 1024)


def test_model_on_a_large_instance_reserves_nine_tenths(planned: Planned) -> None:
    service = planned(ecsModels=[model(instanceType="g5.48xlarge")]).models[0].service
    assert service.memory_reservation_mib == 768 * 1024 * 9 // 10


def test_rest_api_has_a_thread_for_each_cpu(planned: Planned) -> None:
    assert dict(planned().rest_api.environment)["THREADS"] == "2"


def test_model_has_a_thread_for_two_cpus(planned: Planned) -> None:
    assert dict(planned().models[0].service.environment)["THREADS"] == "2"


def test_model_environment(planned: Planned) -> None:
    environment = dict(planned().models[0].service.environment)
    assert environment == {
        "AWS_REGION": "us-east-1",
        "LOCAL_CODE_PATH": "/opt/model-code",
        "LOCAL_MODEL_PATH": "/nvme/model",
        "MODEL_NAME": "org/small-model",
        "S3_BUCKET_MODELS": "test-models",
        "THREADS": "2",
    }


def test_environment_of_the_user_wins(planned: Planned) -> None:
    container = {**TGI["containerConfig"], "environment": {"THREADS": 7, "QUANTIZE": "awq"}}
    environment = dict(planned(ecsModels=[model(containerConfig=container)]).models[0].service.environment)
    assert environment["THREADS"] == "7"
    assert environment["QUANTIZE"] == "awq"


def test_a_variable_that_is_not_declared_is_a_defect(planned: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    from lisa_compiler.plan import planner

    monkeypatch.setattr(planner, "is_declared", lambda _, name: name != "USE_AUTH")
    with pytest.raises(planner.PlanError, match="USE_AUTH"):
        planned()


@pytest.mark.parametrize("name", ["USE_AUTH", "use_auth"])
def test_the_planner_sets_what_is_owned(planned: Planned, name: str) -> None:
    from lisa_compiler.plan import plan
    from lisa_compiler.plan.planner import PlanError

    config = planned().config
    container = config.rest_api_config.container_config.model_copy(update={"environment": {name: "false"}})
    rest = config.rest_api_config.model_copy(update={"container_config": container})
    with pytest.raises(PlanError, match=name):
        plan("dev", config.model_copy(update={"rest_api_config": rest}))


def test_secret_arn_becomes_a_reference(planned: Planned) -> None:
    container = {**TGI["containerConfig"], "environment": {"HF_TOKEN": SECRET}}
    service = planned(ecsModels=[model(containerConfig=container)]).models[0].service
    assert service.secrets == (("HF_TOKEN", SECRET),)
    assert "HF_TOKEN" not in dict(service.environment)


def test_the_gateway_does_not_get_the_master_key_of_litellm(planned: Planned) -> None:
    rest = copy.deepcopy(dict(MINIMAL["restApiConfig"]))
    rest["containerConfig"]["environment"] = {"PROXY_KEY": SECRET}
    named = {"general_settings": {"master_key": "os.environ/PROXY_KEY"}}
    found = planned(restApiConfig=rest, litellmConfig=named).rest_api
    assert dict(found.secrets) == {"PROXY_KEY": SECRET}
    assert not [name for name in dict(found.environment) if name.startswith("LITELLM")]


def test_mount_s3_needs_a_privileged_container(planned: Planned) -> None:
    deployment = planned(mountS3DebUrl="https://packages.example.com/mount-s3.deb")
    assert deployment.models[0].service.privileged
    assert "S3_MOUNT_POINT" in dict(deployment.models[0].service.environment)
    assert not deployment.rest_api.privileged


def test_container_is_not_privileged_otherwise(planned: Planned) -> None:
    assert not planned().models[0].service.privileged


def test_model_has_a_stable_address(planned: Planned) -> None:
    assert planned().models[0].url == "http://small.test.lisa.internal"


def test_model_with_certificate_and_domain_is_reached_by_it(planned: Planned) -> None:
    balancer = {
        **TGI["loadBalancerConfig"],
        "sslCertIamArn": "arn:aws:acm:us-east-1:123456789012:certificate/1",
        "domainName": "small.example.com",
    }
    assert planned(ecsModels=[model(loadBalancerConfig=balancer)]).models[0].url == "https://small.example.com"


def test_private_rest_api_without_authentication(planned: Planned) -> None:
    deployment = planned(
        authConfig=None,
        deployChat=False,
        deployUi=False,
        restApiConfig={**MINIMAL["restApiConfig"], "internetFacing": False},
    )
    assert dict(deployment.rest_api.environment)["USE_AUTH"] == "false"


def test_isolated_region_trusts_its_certificate_authority(planned: Planned) -> None:
    rest = copy.deepcopy(MINIMAL["restApiConfig"])
    rest["loadBalancerConfig"]["sslCertIamArn"] = "arn:aws-iso:iam::123456789012:server-certificate/test"
    deployment = planned(
        region="us-iso-east-1",
        pypiConfig={"indexUrl": "https://pypi.example/simple"},
        certificateAuthorityBundle="/etc/pki/bundle.crt",
        restApiConfig=rest,
        ecsModels=[],
    )
    environment = dict(deployment.rest_api.environment)
    assert environment["SSL_CERT_DIR"] == "/etc/pki/tls/certs"
    assert environment["SSL_CERT_FILE"] == "/etc/pki/bundle.crt"
    assert deployment.arn("s3", "x", region=False, account=False) == "arn:aws-iso:s3:::x"
    assert deployment.service_principal("ec2") == "ec2.c2s.ic.gov"
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
