"""LISA's models in LangChain. It needs langchain-core: `pip install 'lisapy[langchain]'`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import LLM
from langchain_core.outputs import GenerationChunk
from pydantic import BaseModel, ConfigDict, PrivateAttr, SecretStr

from lisapy import exchange
from lisapy.main import Lisa
from lisapy.types import FoundationModel, ModelKwargs, StreamingResponse


class _Hosted(BaseModel):
    """A hosted model, looked up when it is made.

    Attributes:
        provider: its provider, such as `ecs.textgen.tgi`.
        model_name: its name.
        model_kwargs: its arguments.
        client: the deployment that hosts it.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, protected_namespaces=())

    provider: str
    model_name: str
    model_kwargs: ModelKwargs | None = None
    client: Lisa

    _model: FoundationModel = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:
        """Look the model up.

        Raises:
            NotFoundError: there is none of that name.
        """
        super().model_post_init(context)
        self._model = _described(self.client, self.provider, self.model_name, self.model_kwargs)


class LisaTextgen(_Hosted, LLM):
    """A model that generates text, by its provider, such as `ecs.textgen.tgi`, and its name."""

    @property
    def _llm_type(self) -> str:
        return "lisa_textgen"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        arguments = self._model.model_kwargs
        return {
            "provider": self.provider,
            "model_name": self.model_name,
            "model_kwargs": arguments.model_dump(exclude_none=True) if arguments else {},
        }

    def _call(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> str:
        return self.client.generate(prompt, self._with(stop, kwargs)).generated_text

    async def _acall(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002
        **kwargs: Any,
    ) -> str:
        return (await self.client.agenerate(prompt, self._with(stop, kwargs))).generated_text

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        for piece in self.client.generate_stream(prompt, self._with(stop, kwargs)):
            chunk = _chunk(piece)
            if run_manager:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        async for piece in self.client.agenerate_stream(prompt, self._with(stop, kwargs)):
            chunk = _chunk(piece)
            if run_manager:
                await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    def _with(self, stop: list[str] | None, arguments: Mapping[str, Any]) -> FoundationModel:
        """The model with the arguments of one call."""
        given = {**arguments, **({"stop_sequences": stop} if stop else {})}
        return _with_arguments(self._model, given) if given else self._model


class LisaEmbeddings(_Hosted, Embeddings):
    """A model that embeds, by its provider, such as `ecs.embedding.tei`, and its name."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts: a vector for each."""
        return self.client.embed(texts, self._model)

    def embed_query(self, text: str) -> list[float]:
        """Embed a question."""
        return self.client.embed(text, self._model)[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts, asynchronously."""
        return await self.client.aembed(texts, self._model)

    async def aembed_query(self, text: str) -> list[float]:
        """Embed a question, asynchronously."""
        return (await self.client.aembed(text, self._model))[0]


class LisaOpenAIEmbeddings(BaseModel, Embeddings):
    """A model that embeds, by the gateway's OpenAI route, whoever serves it.

    Attributes:
        lisa_openai_api_base: `https://<gateway>/v2/serve`.
        model: its identifier there, as `GET /v2/serve/models` lists it.
        api_token: an API token or an OIDC token.
        verify: as of Lisa.
        timeout: as of Lisa.
    """

    lisa_openai_api_base: str
    model: str
    api_token: SecretStr
    verify: bool | str = True
    timeout: float = 60.0

    _client: Lisa = PrivateAttr()

    def model_post_init(self, _context: Any, /) -> None:
        """Make the connections."""
        headers = {"Authorization": f"Bearer {self.api_token.get_secret_value()}"}
        self._client = Lisa(self.lisa_openai_api_base, headers=headers, timeout=self.timeout, verify=self.verify)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts: a vector for each."""
        return exchange.openai_embeddings(self._client._post(_EMBEDDINGS, self._body(texts)))

    def embed_query(self, text: str) -> list[float]:
        """Embed a question."""
        return self.embed_documents([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """Embed texts, asynchronously."""
        return exchange.openai_embeddings(await self._client._apost(_EMBEDDINGS, self._body(texts)))

    async def aembed_query(self, text: str) -> list[float]:
        """Embed a question, asynchronously."""
        return (await self.aembed_documents([text]))[0]

    def _body(self, texts: list[str]) -> dict[str, Any]:
        return {"model": self.model, "input": texts, "encoding_format": "float"}


_EMBEDDINGS = "/v2/serve/embeddings"


def _described(client: Lisa, provider: str, model_name: str, arguments: ModelKwargs | None) -> FoundationModel:
    model = client.describe_model(provider, model_name)
    return model if arguments is None else _with_arguments(model, arguments.model_dump(exclude_none=True))


def _with_arguments(model: FoundationModel, arguments: Mapping[str, Any]) -> FoundationModel:
    own = model.model_kwargs.model_dump(exclude_none=True) if model.model_kwargs else {}
    return model.model_copy(update={"model_kwargs": ModelKwargs(**{**own, **arguments})})


def _chunk(piece: StreamingResponse) -> GenerationChunk:
    ended = piece.finish_reason is not None
    info = {"finish_reason": piece.finish_reason, "generated_tokens": piece.generated_tokens} if ended else None
    return GenerationChunk(text=piece.token, generation_info=info)
