"""From the headers of a request to a caller, without a gateway around it."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from typing import Any

import pytest

from lisa_gateway.access.admission import principal
from lisa_gateway.api_tokens import ValidToken
from lisa_gateway.authentication import AnonymousAuthenticator, TokenAuthenticator
from lisa_gateway.errors import UnauthorizedError, UnavailableError
from lisa_gateway.request_context import Caller
from lisa_gateway.token_table import TokenRecord, TokenTableError
from lisa_oidc import TokenError, UnreachableIssuerError
from lisa_oidc.verification import Caller as Person

pytestmark = pytest.mark.anyio

OIDC = "head.body.signature"
KEY = b"k" * 32
INVALID = {"WWW-Authenticate": 'Bearer error="invalid_token"'}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Tokens:
    """API tokens by text; an exception is raised. `asked` keeps what was looked up."""

    known: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def find(self, token: str) -> ValidToken | None:
        self.asked.append(token)
        found = self.known.get(token)
        if isinstance(found, Exception):
            raise found
        if isinstance(found, TokenRecord):
            return ValidToken(KEY, found)
        return None if found is None else ValidToken(found, TokenRecord(expires=math.inf))


@dataclass
class Issuer:
    """What the identity provider's keys say of any token."""

    answer: Any = field(default_factory=lambda: TokenError("The token has expired."))
    asked: list[str] = field(default_factory=list)

    async def verify(self, token: str) -> Any:
        self.asked.append(token)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Uses(list[TokenRecord]):
    """The uses of tokens."""

    note = list.append


async def authenticate(headers: list[tuple[bytes, bytes]], tokens: Tokens, issuer: Issuer | None = None) -> Caller:
    subject = TokenAuthenticator(tokens, issuer or Issuer(), Uses())  # type: ignore[arg-type]
    return await subject.authenticate(headers)


def bearer(token: str, scheme: str = "Bearer") -> tuple[bytes, bytes]:
    return b"authorization", f"{scheme} {token}".encode()


def person(*, is_admin: bool) -> Person:
    return Person(subject="u-1", username="ann", groups=(), is_admin=is_admin, expires=0.0)


def api_key(token: str) -> tuple[bytes, bytes]:
    return b"api-key", token.encode()


async def test_open_lets_all_in_without_a_name() -> None:
    assert await AnonymousAuthenticator().authenticate([]) == Caller(kind="anonymous")


@pytest.mark.parametrize("header", [bearer("t"), bearer("t", "bearer"), bearer("  t "), api_key("t"), api_key(" t ")])
async def test_api_token_of_either_header(header: tuple[bytes, bytes]) -> None:
    tokens, issuer = Tokens({"t": KEY}), Issuer()
    assert await authenticate([header], tokens, issuer) == Caller(kind="token", key=KEY)
    assert (tokens.asked, issuer.asked) == (["t"], [])


@pytest.mark.parametrize(("is_of_user", "owner"), [(True, hashlib.sha256(b"u-1").hexdigest()[:12]), (False, "u-1")])
async def test_caller_of_an_api_token_has_what_the_table_says_and_is_no_administrator(
    is_of_user: bool, owner: str
) -> None:
    record = TokenRecord(
        expires=math.inf,
        stored_key="sha256:0",
        token_id="0a1b",
        owner="u-1",
        is_of_user=is_of_user,
        groups=("users", "lisa-admins"),
        scopes=frozenset({"chat"}),
    )
    assert await authenticate([bearer("t")], Tokens({"t": record})) == Caller(
        kind="token",
        name="0a1b",
        key=KEY,
        groups=("users", "lisa-admins"),
        owner=owner,
        is_service=not is_of_user,
        token_id="0a1b",
        scopes=frozenset({"chat"}),
    )


async def test_a_service_account_with_the_name_of_a_users_digest_has_counters_of_its_own() -> None:
    digest = hashlib.sha256(b"u-1").hexdigest()[:12]

    def record(**changed: Any) -> TokenRecord:
        return TokenRecord(expires=math.inf, stored_key="sha256:0", token_id="0a1b", **changed)

    tokens = Tokens(
        {
            "of user": record(owner="u-1", is_of_user=True),
            "of service": record(owner=digest),
            "of anonymous": record(owner="anonymous"),
            "of nobody": TokenRecord(expires=math.inf),
        }
    )
    found = {name: principal(await authenticate([bearer(name)], tokens)) for name in ("of user", "of service")}
    user = principal(await authenticate([bearer(OIDC)], tokens, Issuer(person(is_admin=False))))
    # All tokens of a user count with the user, in the counters that there are: their names stay.
    assert found["of user"] == user == digest
    assert found["of service"] == f"service:{digest}"
    assert principal(await authenticate([bearer("of anonymous")], tokens)) != principal(None) == "anonymous"
    assert principal(await authenticate([bearer("of nobody")], tokens)).startswith("token-")


async def test_uses_of_valid_tokens_are_noted() -> None:
    uses, record = Uses(), TokenRecord(expires=math.inf, stored_key="sha256:0")
    subject = TokenAuthenticator(Tokens({"t": record}), Issuer(), uses)  # type: ignore[arg-type]
    await subject.authenticate([bearer("t")])
    with pytest.raises(UnauthorizedError):
        await subject.authenticate([bearer("wrong")])
    assert uses == [record]


@pytest.mark.parametrize("is_admin", [True, False])
async def test_oidc_token_is_verified_and_not_looked_up(is_admin: bool) -> None:
    tokens, issuer = Tokens({OIDC: KEY}), Issuer(person(is_admin=is_admin))
    caller = await authenticate([bearer(OIDC)], tokens, issuer)
    digest = hashlib.sha256(b"u-1").hexdigest()
    key = hashlib.sha256(b"oidc:u-1").digest()
    assert caller == Caller(kind="oidc", name=digest[:12], is_admin=is_admin, key=key, owner=digest[:12])
    assert (tokens.asked, issuer.asked) == ([], [OIDC])


@pytest.mark.parametrize("token", ["head.body", "a.b.c.d"])
async def test_another_form_is_never_verified(token: str) -> None:
    issuer = Issuer(person(is_admin=True))
    with pytest.raises(UnauthorizedError, match="unknown or has expired"):
        await authenticate([bearer(token)], Tokens(), issuer)
    assert issuer.asked == []


async def test_api_key_is_never_verified_as_oidc() -> None:
    issuer = Issuer(person(is_admin=True))
    with pytest.raises(UnauthorizedError, match="unknown or has expired") as caught:
        await authenticate([api_key(OIDC)], Tokens(), issuer)
    assert issuer.asked == []
    assert caught.value.headers == INVALID


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [bearer("")],
        [bearer("t", "Basic")],
        [bearer("t", "Digest")],
        [(b"accept", b"Bearer t")],
        [(b"x-api-key", b"t")],
        [api_key(" ")],
    ],
)
async def test_no_token_is_an_error_that_says_so(headers: list[tuple[bytes, bytes]]) -> None:
    tokens = Tokens({"": KEY, "t": KEY})
    with pytest.raises(UnauthorizedError, match="A token is required") as caught:
        await authenticate(headers, tokens)
    assert (caught.value.headers, tokens.asked) == ({"WWW-Authenticate": "Bearer"}, [])


async def test_a_rejected_oidc_token_may_be_an_api_token() -> None:
    assert await authenticate([bearer(OIDC)], Tokens({OIDC: KEY})) == Caller(kind="token", key=KEY)


async def test_a_rejected_oidc_token_keeps_its_reason() -> None:
    with pytest.raises(UnauthorizedError, match=r"The token has expired\.") as caught:
        await authenticate([bearer(OIDC)], Tokens({OIDC: TokenTableError("silent")}))
    assert caught.value.headers == INVALID


async def test_an_issuer_that_does_not_answer_is_not_a_wrong_token() -> None:
    issuer = Issuer(UnreachableIssuerError("down"))
    with pytest.raises(UnavailableError, match="identity provider is unreachable"):
        await authenticate([bearer(OIDC)], Tokens(), issuer)


async def test_a_silent_table_is_not_a_wrong_token() -> None:
    with pytest.raises(TokenTableError):
        await authenticate([bearer("t")], Tokens({"t": TokenTableError("silent")}))


@pytest.mark.parametrize("headers", [[bearer("wrong"), api_key("t")], [api_key("wrong"), bearer("t")]])
async def test_the_second_header_counts(headers: list[tuple[bytes, bytes]]) -> None:
    assert (await authenticate(headers, Tokens({"t": KEY}))).key == KEY


async def test_a_third_credential_is_not_tried() -> None:
    tokens = Tokens({"t": KEY})
    with pytest.raises(UnauthorizedError):
        await authenticate([api_key("one"), api_key("two"), api_key("t")], tokens)
    assert tokens.asked == ["one", "two"]


@pytest.mark.parametrize("headers", [[bearer("silent"), api_key("wrong")], [bearer("wrong"), api_key("silent")]])
async def test_a_check_that_was_not_possible_says_more_than_a_wrong_token(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(TokenTableError):
        await authenticate(headers, Tokens({"silent": TokenTableError("silent")}))


async def test_the_first_wrong_token_is_reported() -> None:
    with pytest.raises(UnauthorizedError, match="The token has expired"):
        await authenticate([bearer(OIDC), api_key("wrong")], Tokens())
