"""Whatever a configuration asks for: it compiles to the end, or says why not; there is no third way."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lisa_compiler.compile.pipeline import compile_environment
from lisa_schema.errors import LisaError
from lisa_schema.overlay import parse_override

REPOSITORY = Path(__file__).parents[2]

# Values that are allowed or nearly so, by key path, over the three example environments.
CHOICES: dict[str, tuple[str, ...]] = {
    "accountNumber": ("012345678901", "000000000000"),
    "apiGatewayConfig.domainName": ("null", "chat.example.com"),
    "appName": ("a", "x" * 32),
    "authConfig": ("null", "{authority: 'https://a.example', clientId: ü}"),
    "authConfig.additionalScopes": ("[]", "[groups, '${scope}']"),
    "certificateAuthorityBundle": ("''", "/etc/ssl/bundle.pem"),
    "deployChat": ("true", "false"),
    "deployRag": ("true", "false"),
    "deployUi": ("true", "false"),
    "deploymentName": ("a", "A-b-9", "x" * 60, "9-nine"),
    "deploymentPrefix": ("/p", "/very/long" + "/prefix" * 20),
    "deploymentStage": ("s", "Prod-2"),
    "ecsModels": ("[]",),
    "ecsModels[0].autoScalingConfig.maxCapacity": ("1", "1000"),
    "ecsModels[0].containerConfig.environment": ("{}", "{A: '${B}', C: 'x\ny', D: '{{ jinja }}', E: '\"'}"),
    "ecsModels[0].containerConfig.image": (
        "{baseImage: 'a/b:c'}",
        "{type: registry, registry: 'a/b:c'}",
        "{type: tarball, path: no.tar}",
        "{baseImage: 'a/b:c', path: config.yaml}",
    ),
    "ecsModels[0].containerConfig.sharedMemorySize": ("0", "1"),
    "ecsModels[0].instanceType": ("m5.large", "p5.48xlarge", "g4dn.xlarge", "t3.micro", "g6f.large"),
    "ecsModels[0].modelId": ("null", "'1'", "--a--", "'Ünï-model'", "m" * 120),
    "ecsModels[0].modelName": ("a/b", "org/" + "n" * 90),
    "lambdaConfig.pythonRuntime": ("PYTHON_3_8", "PYTHON_3_10", "PYTHON_3_13"),
    "lambdaSourcePath": ("nowhere", "./lambda", "runtime/lambdas"),
    "litellmConfig.model_list": (
        "null",
        "[]",
        "[{model_name: a, litellm_params: {model: x}, lisa_params: {model_type: embedding}}]",
    ),
    "mountS3DebUrl": ("null", "https://example.com/mount-s3.deb"),
    "nvmeContainerMountPath": ("/nvme", "/"),
    "permissionsBoundaryAspect": ("{permissionsBoundaryPolicyName: B, rolePrefix: " + "r" * 50 + "-}", "null"),
    "ragRepositories": (
        "[]",
        "[{repositoryId: a-b, type: pgvector, rdsConfig: {username: u}}, "
        "{repositoryId: ab, type: pgvector, rdsConfig: {username: u}}]",
        "[{repositoryId: o, type: opensearch, opensearchConfig: {endpoint: search.example.com}}]",
    ),
    "region": ("us-gov-west-1", "cn-north-1", "us-isob-east-1", "eu-isoe-west-1", "mars-1"),
    "removalPolicy": ("retain", "destroy"),
    "restApiConfig.internetFacing": ("true", "false"),
    "restApiConfig.loadBalancerConfig.sslCertIamArn": ("null",),
    "stackSynthesizer": ("LegacyStackSynthesizer", "CliCredentialsStackSynthesizer"),
    "systemBanner": ("{text: '${x} </script>', backgroundColor: red, fontColor: '#fff'}", "null"),
    "tags": ("[]", "[{Key: k, Value: ''}]"),
    "webAppAssetsPath": ("nowhere", "runtime/web/dist"),
}  # fmt: skip

SETTINGS = st.dictionaries(st.sampled_from(sorted(CHOICES)), st.integers(0, 9), max_size=6)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(environment=st.sampled_from(["airgap", "dev", "prod"]), chosen=SETTINGS)
def test_it_compiles_or_says_why_not(environment: str, chosen: dict[str, int]) -> None:
    assert outcome(environment, chosen)


def outcome(environment: str, chosen: dict[str, int]) -> str:
    """What the user sees: the words of the error, or the digest of the templates' manifest."""
    try:
        overrides = [parse_override(f"{path}={CHOICES[path][n % len(CHOICES[path])]}") for path, n in chosen.items()]
        compiled = compile_environment(REPOSITORY, environment, overrides=overrides)
    except LisaError as error:
        return str(error)
    return compiled.files["cloudformation/manifest.json"].decode()
