"""Settings, from the container's environment."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MIB = 1024 * 1024


def _comma_separated(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Origin = Annotated[str, StringConstraints(pattern=r"^https?://[^/*\s]+$")]


class Settings(BaseSettings):
    """What the gateway needs to know; the names in upper case are the environment's. Times are in seconds.

    Attributes:
        authority: the OpenID Connect issuer.
        client_id: the client that its tokens must be made for.
        admin_group: the group of administrators; empty for none.
        jwt_groups_prop: dot path of the groups in a token.
        use_auth: whether callers need a token at all.
        web_origins: origins that browsers may call from, separated by commas: the web application's.
        token_table_name: the DynamoDB table of API tokens.
        routes_file: the compiled routes of models; empty to send every request to LiteLLM.
        legacy_tokens: whether tokens that LISA 2.x stored as they are count.
        sign_out_table_name: the DynamoDB table of sign-outs; empty when the identity provider reports none.
        registered_models_ps_name: the SSM parameter with the hosted models, which `/v1` serves.
        limits_table_name: the DynamoDB table of the counters of limits; empty for none, so that no limit holds.
        usage_table_name: the DynamoDB table of usage; empty for none.
        aws_region: region of all of them.
        litellm_url: address of the LiteLLM proxy.
        litellm_key: the key for inference, which `proxy_authorization` accepts in LiteLLM; None for a LiteLLM without.
        litellm_admin_key: the key for what administrators may use; None to make it unavailable.
        configuration_state: directory in which the supervisor tells the workers what to serve with; empty without one.
        threads: worker processes.
        host: address to listen on; the load balancer is another machine.
        port: where requests come in.
        metrics_port: where Prometheus asks; 0 for nowhere. No load balancer leads there.
        log_level: least level that is logged.
        audit_log_group: log group of the audit log; empty for none.
        audit_folder: where audit records wait until CloudWatch Logs has them.
        audit_max_bytes: bytes of audit records that may wait; further ones are dropped and counted.
        audit_content_max_bytes: bytes of audited content that may wait, encrypted; further content is lost, or its
            requests are rejected if it is required.
        audit_content_part_bytes: bytes of a request, and of a response, that are recorded; the record says what is
            missing.
        max_body_bytes: longest body of a request; only uploads (multipart/form-data) may be as long.
        max_json_bytes: longest JSON body, which is any body that is no form.
        max_json_elements: values, and members with their names, that a JSON body may hold; five numbers of a list count
            as one.
        max_json_depth: how deep they may be nested.
        max_json_text_bytes: longest strings of a JSON body in all, which images and files do not count in.
        max_json_field_bytes: longest string in a JSON body that is not for a model to read, such as `model` itself.
        max_form_bytes: longest URL-encoded form, and longest fields of an upload in all; its files do not count.
        body_timeout: until all of a body that is not an upload must have come.
        max_caller_requests: requests that one caller may have in flight, in each worker.
        max_caller_large_bodies: load of one caller in flight, in each worker: the sum of its bodies' shares of the
            largest accepted one, by bytes, elements or text, whichever is most; bodies below 1/64 do not count.
        max_requests: requests that all callers may have in flight, in each worker.
        max_model_requests: requests that one model's server may have in flight, in each worker: a model that hangs
            leaves places for the others.
        max_large_bodies: load of all callers in flight, in each worker.
        large_body_seconds: how long LiteLLM's thread works on the largest accepted body. Large bodies go on to LiteLLM
            one after the other, each after its share of this; 0 for all at once.
        max_header_bytes: longest names and values of its headers in all.
        connect_timeout: until LiteLLM takes a connection.
        answer_timeout: until LiteLLM's first byte, and from one part of an answer to the next that is no stream of
            events. It ends before the load balancer's idle timeout of 600 s, so that the caller gets an answer.
        stream_idle_timeout: from one part of a stream of events to the next, after the first.
        hang_timeout: until a LiteLLM that answers nothing counts as hung and the gateway ends, which ends the
            container; 0 for never.
        token_grace: how long an API token that was good, or a person who was signed in, counts while DynamoDB does not
            answer.
        drain_timeout: how long requests may take to end when the container stops.
        max_connections: clients' connections to a worker, and a worker's to LiteLLM.
        max_target_bytes: longest path and query of a request.
        head_timeout: until the headers of a request have come.
        body_progress_timeout: in which `min_body_bytes` of a body have to come, while the gateway waits for them.
        min_body_bytes: see `body_progress_timeout`.
        write_timeout: in which a client has to take what the gateway holds for it.
        keep_alive_timeout: how long a connection may be without a request; longer than the load balancer's idle timeout
            of 600 s, which otherwise uses a connection that is being closed, and answers 502.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    authority: str = ""
    client_id: str = ""
    admin_group: str = ""
    jwt_groups_prop: str = ""
    use_auth: bool = True
    web_origins: Annotated[frozenset[Origin], NoDecode, BeforeValidator(_comma_separated)] = frozenset()
    token_table_name: str = Field(min_length=1)
    legacy_tokens: bool = True
    sign_out_table_name: str = ""
    registered_models_ps_name: str = Field(min_length=1)
    limits_table_name: str = ""
    usage_table_name: str = ""
    aws_region: str = Field(min_length=1)
    routes_file: str = ""
    litellm_url: str = Field(default="http://127.0.0.1:4000", pattern=r"^https?://[^/]+(/.*)?$")
    litellm_key: SecretStr | None = None
    litellm_admin_key: SecretStr | None = None
    configuration_state: str = ""
    threads: int = Field(default=1, ge=1)
    host: str = "0.0.0.0"  # noqa: S104
    port: int = Field(default=8080, ge=1, le=65535)
    metrics_port: int = Field(default=9090, ge=0, le=65535)
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(str.upper)] = "INFO"
    audit_log_group: str = ""
    audit_folder: str = "/tmp/lisa-audit"  # noqa: S108 - made with mode 0700, in a container with one user
    audit_max_bytes: int = Field(default=256 * MIB, ge=MIB)
    audit_content_max_bytes: int = Field(default=1024 * MIB, ge=MIB)
    audit_content_part_bytes: int = Field(default=32 * MIB, ge=1)
    max_body_bytes: int = Field(default=100 * MIB, ge=1)
    max_json_bytes: int = Field(default=20 * MIB, ge=1)
    max_json_elements: int = Field(default=10_000, ge=1)
    max_json_depth: int = Field(default=100, ge=1)
    max_json_text_bytes: int = Field(default=4 * MIB, ge=1)
    max_json_field_bytes: int = Field(default=16 * 1024, ge=1)
    max_form_bytes: int = Field(default=64 * 1024, ge=1)
    body_timeout: float = Field(default=120.0, gt=0)
    max_caller_requests: int = Field(default=512, ge=1)
    max_caller_large_bodies: int = Field(default=8, ge=1)
    max_requests: int = Field(default=2048, ge=1)
    max_model_requests: int = Field(default=1536, ge=1)
    max_large_bodies: int = Field(default=16, ge=1)
    large_body_seconds: float = Field(default=2.0, ge=0)
    max_header_bytes: int = Field(default=64 * 1024, ge=1)
    connect_timeout: float = Field(default=5.0, gt=0)
    answer_timeout: float = Field(default=590.0, gt=0)
    stream_idle_timeout: float = Field(default=120.0, gt=0)
    hang_timeout: float = Field(default=300.0, ge=0)
    token_grace: float = Field(default=3600.0, ge=0)
    drain_timeout: int = Field(default=90, ge=0)
    max_connections: int = Field(default=2560, ge=1)
    max_target_bytes: int = Field(default=16 * 1024, ge=1)
    head_timeout: float = Field(default=10.0, gt=0)
    body_progress_timeout: float = Field(default=30.0, gt=0)
    min_body_bytes: int = Field(default=30 * 1024, ge=1)
    write_timeout: float = Field(default=60.0, gt=0)
    keep_alive_timeout: int = Field(default=620, ge=1)

    @model_validator(mode="after")
    def _needs_an_issuer(self) -> Self:
        if self.use_auth and not (self.authority and self.client_id):
            raise ValueError("AUTHORITY and CLIENT_ID are required if USE_AUTH is true")
        return self
