"""Rules that keep secrets out of git: what is compiled from a configuration is committed.

They are conservative. A value counts as a secret when its key says so (`api_key`, `HF_TOKEN`, `DB_PASSWORD`) and it is
neither a reference, nor a path, nor one of the words that people write where no key is needed; or when its own form
gives it away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lisa_schema.document import Path
from lisa_schema.litellm.credentials import is_placeholder
from lisa_schema.models import Config
from lisa_schema.plain_data import texts
from lisa_schema.rules.registry import RuleViolation, rule
from lisa_schema.rules.server_arguments import server_arguments
from lisa_schema.rules.service_paths import services
from lisa_schema.server_arguments import option_name

_SECRET_KEY: Final = re.compile(
    r"(^|[_.-])("
    r"(api|master|secret|access|salt|private|encryption|signing|license|virtual|auth|account)_?key"
    r"|passw(or)?d|passphrase|secret|client_secret|token|credentials?|webhook_url"
    r")$",
    re.IGNORECASE,
)
_WORD_OF_A_TOKENIZER: Final = re.compile(
    r"(eos|bos|pad|unk|sep|cls|mask|stop|end|start|special|image|audio|per|first|last|next|think|user|assistant)"
    r"[_-]token$",
    re.IGNORECASE,
)
_SECRET_FORM: Final = re.compile(
    r"sk-[A-Za-z0-9_-]{20,}|(?:AKIA|ASIA)[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{30,}"
    r"|xox[abprs]-[A-Za-z0-9-]{10,}|-----BEGIN [A-Z ]*PRIVATE KEY-----|://[^\s/:@]+:[^\s/:@]+@|X-Amz-Signature="
    r"|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\."
)
_REFERENCE: Final = re.compile(
    r"os\.environ/|oidc/(azure|circleci|circleci_v2|env|env_path|file|github|google)(/|\Z)|arn:aws[a-z-]*:(secretsmanager|ssm):|\$\{?[A-Za-z_]|<[^<>]*>\Z|\{\{"
)
_PATH: Final = re.compile(
    r"(file:///?|~/|\.{0,2}/)?([\w.@-]{1,48}/)*[\w@-][\w.@-]*\.(cer|cert|crt|der|json|jwk|jwt|key|p12|p8|pem|pfx|token|txt|ya?ml)"
    r"|(file:///?|~/|\.{0,2}/)([\w.@-]{1,32}/)+[\w.@-]{1,32}"
)
"""A file that has the secret: by its ending, or an absolute or relative path of short names."""

_ACCESS_KEY: Final = re.compile(r"[A-Za-z0-9+/]{40}")
_FIX: Final = (
    "Write os.environ/NAME and set restApiConfig.containerConfig.environment.NAME "
    "to the ARN of a Secrets Manager secret."
)


@rule("LISA390", "secret-in-litellm", _FIX)
def secret_in_litellm(config: Config) -> Iterator[RuleViolation]:
    """`litellmConfig` must not contain secrets, since the compiled output is committed."""
    for path, value in texts(("litellmConfig",), config.litellm_config.model_dump(exclude_unset=True)):
        if is_secret(path, value):
            yield RuleViolation(path, f"`{path[-1]}` looks like a secret, which must not be committed.")


@rule("LISA391", "secret-in-environment", "Use the ARN of a Secrets Manager secret or of an SSM parameter instead.")
def secret_in_environment(config: Config) -> Iterator[RuleViolation]:
    """Variables and arguments of containers must not contain secrets, since the compiled output is committed."""
    for path, service in services(config):
        for name, value in service.container_config.environment.items():
            at = (*path, "containerConfig", "environment", name)
            if is_secret(at, value):
                yield RuleViolation(at, f"`{name}` looks like a secret, which must not be committed.")
    for index, model in enumerate(config.ecs_models):
        option = ""
        for argument in server_arguments(model, index):
            flag = option_name(argument.text)
            value = argument.text.partition("=")[2] if flag else argument.text
            option = flag or option
            if is_secret((option.replace("-", "_"),), value):
                message = (
                    f"The value of `--{option}` in {argument.source} looks like a secret, which must not be committed."
                )
                fix = "Remove it, and set a variable that the server reads to the ARN of a Secrets Manager secret."
                yield RuleViolation(argument.path, message, fix)


@rule("LISA392", "secret-in-url", "Remove the credentials from the URL.")
def secret_in_url(config: Config) -> Iterator[RuleViolation]:
    """URLs of builds must not contain credentials or signatures."""
    urls: dict[Path, str] = {
        ("pypiConfig", "indexUrl"): config.pypi_config.index_url,
        ("condaUrl",): config.conda_url,
        ("mountS3DebUrl",): config.mount_s3_deb_url or "",
    }
    for path, url in urls.items():
        if _SECRET_FORM.search(url):
            yield RuleViolation(path, "The URL contains credentials or a signature, which must not be committed.")


def is_secret(path: Path, value: str) -> bool:
    """Tell whether a value is a secret by the last key of its path, or by its own form."""
    text = value.strip()
    if not text or _REFERENCE.match(text):
        return False
    if _SECRET_FORM.search(text):
        return not is_placeholder(text)
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    if not _SECRET_KEY.search(key) or _WORD_OF_A_TOKENIZER.search(key) or is_placeholder(text):
        return False
    return _PATH.fullmatch(text) is None or _ACCESS_KEY.fullmatch(text) is not None
