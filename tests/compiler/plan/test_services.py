from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import pytest
from tests.compiler.conftest import MINIMAL, TGI, mirrored, model

from lisa_compiler.plan.images import BuiltImage
from lisa_schema.litellm.references import SET_BY_LISA

if TYPE_CHECKING:
    from collections.abc import Callable

    from lisa_compiler.plan import Deployment

    Planned = Callable[..., Deployment]

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:key-AbCdEf"


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


def test_rest_api_has_as_many_threads_as_half_of_its_memory_holds(planned: Planned) -> None:
    """Two tasks of 1 GiB share an instance of 4 GiB, less the 2 GiB of the system."""
    rest = {**copy.deepcopy(dict(MINIMAL["restApiConfig"])), "instanceType": "c5.large"}
    assert dict(planned(restApiConfig=rest).rest_api.environment)["THREADS"] == "1"


@pytest.mark.parametrize(
    ("vcpus", "memory_mib", "workers"),
    [(2, 6144, 2), (96, 6144, 11), (4, 1536, 2), (2, 1024, 1), (2, 0, 1), (96, 384 * 1024, 96)],
)
def test_gateway_workers_fit_the_memory(vcpus: int, memory_mib: int, workers: int) -> None:
    from lisa_compiler.plan.workers import gateway_workers

    assert gateway_workers(vcpus, memory_mib) == workers


KEEP_ALIVE = {
    "instructor": "KEEP_ALIVE_TIMEOUT",
    "sglang": "SGLANG_TIMEOUT_KEEP_ALIVE",
    "vllm": "VLLM_HTTP_TIMEOUT_KEEP_ALIVE",
}
DRAINED = ("instructor", "vllm")
"""Models whose drain has a setting: SGLang waits until every request has ended."""


@pytest.mark.parametrize("container", ["tgi", "tei", "vllm", "sglang", "instructor"])
def test_models_keep_connections_longer_than_the_load_balancer(planned: Planned, container: str) -> None:
    kind = {"modelType": "embedding", "streaming": None} if container in {"tei", "instructor"} else {}
    changed = {key: value for key, value in model(inferenceContainer=container, **kind).items() if value is not None}
    changed["containerConfig"] = {"image": {"baseImage": f"{container}:1"}}
    service = planned(ecsModels=[changed]).models[0].service
    environment = dict(service.environment)
    found = {name: value for name, value in environment.items() if "KEEP_ALIVE" in name}
    expected = KEEP_ALIVE.get(container)
    assert found == ({expected: "620"} if expected else {})
    assert environment.get("DRAIN_TIMEOUT") == ("90" if container in DRAINED else None)
    assert service.stop_timeout_seconds == 120


def test_the_gateway_keeps_connections_longer_than_the_load_balancer(planned: Planned) -> None:
    from lisa_gateway.settings import Settings
    from lisa_schema.connection_times import DRAIN_SECONDS, KEEP_ALIVE_SECONDS, LOAD_BALANCER_IDLE_SECONDS

    environment = dict(planned().rest_api.environment)
    assert environment["KEEP_ALIVE_TIMEOUT"] == str(KEEP_ALIVE_SECONDS)
    assert KEEP_ALIVE_SECONDS > LOAD_BALANCER_IDLE_SECONDS > Settings.model_fields["answer_timeout"].default
    # Where nothing is emitted, as on a developer's machine, the same values hold.
    assert Settings.model_fields["keep_alive_timeout"].default == KEEP_ALIVE_SECONDS
    assert Settings.model_fields["drain_timeout"].default == DRAIN_SECONDS


def test_ecs_waits_for_a_drain_that_is_configured(planned: Planned) -> None:
    rest = copy.deepcopy(dict(MINIMAL["restApiConfig"]))
    rest["containerConfig"]["environment"] = {"DRAIN_TIMEOUT": "600"}
    container = {**TGI["containerConfig"], "environment": {"DRAIN_TIMEOUT": "not read by TGI"}}
    deployment = planned(restApiConfig=rest, ecsModels=[model(containerConfig=container)])
    assert deployment.rest_api.stop_timeout_seconds == 630
    assert deployment.models[0].service.stop_timeout_seconds == 120


def test_model_has_a_thread_for_two_cpus(planned: Planned) -> None:
    assert dict(planned().models[0].service.environment)["THREADS"] == "2"


def test_model_environment(planned: Planned) -> None:
    environment = dict(planned().models[0].service.environment)
    assert environment == {
        "AWS_REGION": "us-east-1",
        "HOME": "/tmp",
        "LOCAL_CODE_PATH": "/opt/model-code",
        "LOCAL_MODEL_PATH": "/nvme/model",
        "MODEL_NAME": "org/small-model",
        "S3_BUCKET_MODELS": "test-models",
        "THREADS": "2",
    }


def test_arguments_of_a_server_are_those_of_the_configuration(planned: Planned) -> None:
    arguments = ("--speculative-config", '{"method": "mtp"}', "", "two words")
    service = planned(ecsModels=[model(serverArgs=list(arguments))]).models[0].service
    assert service.arguments == arguments
    assert planned().models[0].service.arguments == ()
    assert planned().rest_api.arguments == ()


def test_sglang_serves_embeddings_when_the_model_is_one(planned: Planned) -> None:
    changed = {key: value for key, value in model(inferenceContainer="sglang").items() if key != "streaming"}
    changed |= {"modelType": "embedding", "containerConfig": {"image": {"baseImage": "sglang:1"}}}
    assert dict(planned(ecsModels=[changed]).models[0].service.environment)["MODEL_TYPE"] == "embedding"
    text = model(inferenceContainer="sglang", containerConfig={"image": {"baseImage": "sglang:1"}})
    assert "MODEL_TYPE" not in dict(planned(ecsModels=[text]).models[0].service.environment)


def test_environment_of_the_user_wins(planned: Planned) -> None:
    container = {**TGI["containerConfig"], "environment": {"THREADS": 7, "QUANTIZE": "awq"}}
    environment = dict(planned(ecsModels=[model(containerConfig=container)]).models[0].service.environment)
    assert environment["THREADS"] == "7"
    assert environment["QUANTIZE"] == "awq"


def test_a_variable_that_is_not_declared_is_a_defect(planned: Planned, monkeypatch: pytest.MonkeyPatch) -> None:
    from lisa_compiler.plan import services
    from lisa_compiler.plan.deployment import PlanError

    monkeypatch.setattr(services, "is_declared", lambda _, name: name != "USE_AUTH")
    with pytest.raises(PlanError, match="USE_AUTH"):
        planned()


@pytest.mark.parametrize("name", ["USE_AUTH", "use_auth"])
def test_the_planner_sets_what_is_owned(planned: Planned, name: str) -> None:
    from lisa_compiler.plan import plan
    from lisa_compiler.plan.deployment import PlanError

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


def test_container_without_mount_s3_is_not_privileged(planned: Planned) -> None:
    assert not planned().models[0].service.privileged


@pytest.mark.parametrize(
    "image",
    [
        {"type": "registry", "registry": "docker.io/vllm/vllm-openai:v0.5.0"},
        {"type": "ecr", "repositoryArn": "arn:aws:ecr:us-east-1:123456789012:repository/tgi"},
        {"type": "tarball", "path": "tgi.tar"},
    ],
    ids=["registry", "ecr", "tarball"],
)
def test_image_without_the_entrypoint_of_lisa_is_not_privileged(planned: Planned, image: dict[str, str]) -> None:
    """Only an image that LISA builds mounts the bucket, so that no other has a use for the device."""
    container = {**TGI["containerConfig"], "image": image}
    deployment = planned(
        mountS3DebUrl="https://packages.example.com/mount-s3.deb",
        ecsModels=[model(containerConfig=container), model(modelId="built")],
    )
    assert [plan.service.privileged for plan in deployment.models] == [False, True]


def test_private_rest_api_without_authentication(planned: Planned) -> None:
    deployment = planned(
        authConfig=None,
        deployChat=False,
        deployUi=False,
        restApiConfig={**MINIMAL["restApiConfig"], "internetFacing": False},
    )
    assert dict(deployment.rest_api.environment)["USE_AUTH"] == "false"


@pytest.mark.parametrize(
    ("bundle", "inside"),
    [
        ("/etc/pki/bundle.crt", "/etc/pki/bundle.crt"),
        ("certificates/root.pem", "/etc/lisa/trust/ca-bundle.pem"),
    ],
)
@pytest.mark.parametrize("region", ["us-iso-east-1", "us-east-1"])
def test_containers_trust_the_configured_authorities(planned: Planned, bundle: str, inside: str, region: str) -> None:
    rest = copy.deepcopy(MINIMAL["restApiConfig"])
    rest["loadBalancerConfig"].pop("sslCertIamArn")
    deployment = planned(
        region=region,
        pypiConfig={"indexUrl": "https://pypi.example/simple"},
        certificateAuthorityBundle=bundle,
        restApiConfig={**mirrored(rest), "internetFacing": False},
        ecsModels=[{**mirrored(TGI), "instanceType": "g4dn.xlarge"}],
    )
    for service in (deployment.rest_api, deployment.models[0].service):
        environment = dict(service.environment)
        for name in ("AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
            assert environment[name] == inside
    assert deployment.trust is not None
    _, on_instance, in_container = deployment.trust.volume
    assert inside.startswith(f"{in_container}/")
    assert on_instance in ("/etc/pki", "/var/lib/lisa/trust")


@pytest.mark.parametrize(
    ("written", "built_on"),
    [
        ("python:3.9", "python:3.12"),
        ("python:3.9.18-slim-bookworm", "python:3.12-slim-bookworm"),
        ("public.ecr.aws/docker/library/python:3.10-slim", "public.ecr.aws/docker/library/python:3.12-slim"),
        ("python:3.11", "python:3.11"),
        ("registry.example.com/base:3.9", "registry.example.com/base:3.9"),
    ],
)
def test_gateway_is_built_on_a_python_that_it_runs_on(planned: Planned, written: str, built_on: str) -> None:
    rest = copy.deepcopy(MINIMAL["restApiConfig"])
    rest["containerConfig"]["image"]["baseImage"] = written
    deployment = planned(restApiConfig=rest)
    image = deployment.rest_api.image
    assert isinstance(image, BuiltImage)
    assert (image.base_image, dict(image.build_args)["BASE_IMAGE"]) == (built_on, built_on)
    model = deployment.models[0].service.image
    assert isinstance(model, BuiltImage)
    assert (model.tools_image == built_on) == ("python" in written)


def test_variables_that_litellm_can_refer_to_include_those_of_the_task(planned: Planned) -> None:
    assert {name for name, _ in planned().rest_api.environment} - SET_BY_LISA == set()
