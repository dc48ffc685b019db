"""What `litellmConfig` calls in AWS: its models, guardrails, knowledge bases, log callbacks and caches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lisa_schema.document import Path
from lisa_schema.litellm.credentials import sends_no_key
from lisa_schema.litellm.references import resolve

if TYPE_CHECKING:
    from lisa_schema.models import Config, LitellmModel

PLAIN_KEYS = frozenset(
    {
        *(
            "aws_region_name",
            "aws_role_name",
            "model",
            "model_id",
            "base_model",
            "custom_llm_provider",
            "output_s3_uri",
        ),
        *("guardrailIdentifier", "vector_store_id", "s3_bucket_name", "s3_region_name", "sqs_queue_url"),
    }
)
"""Parameters that permissions are made from, so that their values must be known when LISA compiles."""

_SENT_KEYS = ("aws_access_key_id", "aws_profile_name", "aws_web_identity_token", "api_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsService:
    """Something of `litellmConfig` that calls AWS, and is not a model.

    Attributes:
        key: of the table of permissions: `guardrail/bedrock`.
        path: where its parameters are.
        parameters: them, with references resolved.
        target: what it calls: an ID, an ARN, the name of a bucket or queue.
    """

    key: str
    path: Path
    parameters: Mapping[str, Any]
    target: str


def call_parameters(entry: LitellmModel, config: Config) -> dict[str, Any]:
    """Return the `litellm_params` of an entry with references resolved; what only the container has is left out.

    `base_model` of its `model_info` is added where the parameters have none.
    """
    parameters = resolved(entry.litellm_params.model_dump(exclude_none=True), config)
    if sends_no_key(parameters):
        del parameters["api_key"]
    info = entry.model_info
    if info is not None and info.base_model:
        parameters.setdefault("base_model", info.base_model)
    return parameters


def resolved(parameters: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """Resolve the references of parameters; of credentials it is known that they are set, if not to what."""
    found: dict[str, Any] = {}
    for key, value in parameters.items():
        if isinstance(value, str):
            text = resolve(config, value)
            if text is not None:
                found[key] = text
            elif key in _SENT_KEYS:
                found[key] = value
        elif isinstance(value, Mapping):
            found[key] = resolved(value, config)
        else:
            found[key] = value
    return found


def aws_services(config: Config) -> Iterator[AwsService]:
    """Yield what calls AWS beside models."""
    litellm = config.litellm_config
    extra = litellm.model_extra or {}
    for index, item in enumerate(_items(extra.get("guardrails"))):
        path: Path = ("litellmConfig", "guardrails", index, "litellm_params")
        yield from _service(
            "guardrail/bedrock", path, _params(item), config, of=("guardrail", "bedrock"), target="guardrailIdentifier"
        )
    for index, item in enumerate(_items(extra.get("vector_store_registry"))):
        path = ("litellmConfig", "vector_store_registry", index, "litellm_params")
        of = ("custom_llm_provider", "bedrock")
        yield from _service("vector_store/bedrock", path, _params(item), config, of=of, target="vector_store_id")
    yield from _callbacks(config)


def _callbacks(config: Config) -> Iterator[AwsService]:
    settings = config.litellm_config.litellm_settings.model_extra or {}
    root: Path = ("litellmConfig", "litellm_settings")
    used = {
        str(name)
        for key in ("callbacks", "success_callback", "failure_callback", "audit_log_callbacks")
        for name in _items(settings.get(key))
        if isinstance(name, str)
    }
    if used & {"s3", "s3_v2"}:
        yield from _service("callback/s3", (*root, "s3_callback_params"), _s3(settings, "s3_callback_params"), config)
    queue = settings.get("aws_sqs_callback_params")
    if "aws_sqs" in used and isinstance(queue, Mapping):
        yield from _queue((*root, "aws_sqs_callback_params"), queue, config)
    cache = settings.get("cache_params")
    if settings.get("cache") and isinstance(cache, Mapping) and cache.get("type") == "s3":
        yield from _service("cache/s3", (*root, "cache_params"), _s3(settings, "cache_params"), config)


def _s3(settings: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The parameters of a bucket, under the names that models have for the same."""
    given = settings.get(key)
    found = dict(given) if isinstance(given, Mapping) else {}
    names = {"s3_region_name": "aws_region_name", "s3_aws_access_key_id": "aws_access_key_id"}
    return {**{names.get(name, name): value for name, value in found.items()}, "target": found.get("s3_bucket_name")}


def _queue(path: Path, parameters: Mapping[str, Any], config: Config) -> Iterator[AwsService]:
    plain = resolved(parameters, config)
    url = str(plain.get("sqs_queue_url", ""))
    host, _, rest = url.partition("://")[2].partition("/")
    account, _, name = rest.partition("/")
    if name:
        renamed = {"aws_region_name": plain.get("sqs_region_name") or host.split(".")[1], "owner": account}
        if plain.get("sqs_aws_access_key_id"):
            renamed["aws_access_key_id"] = plain["sqs_aws_access_key_id"]
        yield AwsService(key="callback/sqs", path=path, parameters=renamed, target=name)


def _service(
    key: str,
    path: Path,
    parameters: Mapping[str, Any],
    config: Config,
    *,
    of: tuple[str, str] | None = None,
    target: str = "target",
) -> Iterator[AwsService]:
    plain = resolved(parameters, config)
    if of is not None and plain.get(of[0]) != of[1]:
        return
    if plain.get(target):
        yield AwsService(key=key, path=path, parameters=plain, target=str(plain[target]))


def _params(item: Any) -> Mapping[str, Any]:
    parameters = item.get("litellm_params") if isinstance(item, Mapping) else None
    return parameters if isinstance(parameters, Mapping) else {}


def _items(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
