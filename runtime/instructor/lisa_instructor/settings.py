"""Settings, from the container's environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the server needs to know.

    Attributes:
        model_path: folder of the model's files.
        model_name: what clients call the model.
        instruction: what is embedded with a text when the request has no instruction.
        max_inputs: texts in one request.
        max_concurrent_requests: requests that wait for the model; more are answered with 429.
        batch_size: texts that the model embeds at once.
        trust_remote_code: whether the model's own code may run.
        key: key that requests must have; empty for none.
    """

    model_path: str
    model_name: str
    instruction: str = "Represent the document:"
    max_inputs: int = 2048
    max_concurrent_requests: int = 128
    batch_size: int = 32
    trust_remote_code: bool = False
    key: str = field(default="", repr=False)

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read the environment; KeyError names a variable that is missing."""
        defaults = cls(model_path="", model_name="")
        return cls(
            model_path=environment["LOCAL_MODEL_PATH"],
            model_name=environment["MODEL_NAME"],
            instruction=environment.get("DEFAULT_INSTRUCTION", defaults.instruction),
            max_inputs=int(environment.get("MAX_CLIENT_BATCH_SIZE", defaults.max_inputs)),
            max_concurrent_requests=int(environment.get("MAX_CONCURRENT_REQUESTS", defaults.max_concurrent_requests)),
            batch_size=int(environment.get("BATCH_SIZE", defaults.batch_size)),
            key=environment.get("LISA_MODEL_KEY", ""),
            trust_remote_code=environment.get("TRUST_REMOTE_CODE", "").lower() in {"1", "true"},
        )
