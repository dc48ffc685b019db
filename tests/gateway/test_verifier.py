"""Verification of OpenID Connect tokens without waiting for one another, and the issuer's documents."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from lisa_gateway.issuer import Verifier
from lisa_oidc import Expectation, KeyStore, UnknownKeyError, UnreachableIssuerError
from lisa_oidc.errors import ExpiredTokenError
from oidc.issuer import AUTHORITY, CLIENT_ID, Clock, Documents, SigningKey, claims

pytestmark = pytest.mark.anyio

FIRST, SECOND = SigningKey("first"), SigningKey("second")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def verifier(documents: Documents, clock: Clock, delay: float = 0.0) -> Verifier:
    async def fetch(url: str) -> Any:
        await asyncio.sleep(delay)
        return documents(url)

    store = KeyStore(retry=10, fresh=300, limit=3600, clock=clock)
    return Verifier(AUTHORITY, Expectation(client_id=CLIENT_ID), fetch=fetch, store=store)


async def test_all_who_come_at_once_share_one_request() -> None:
    documents = Documents(FIRST)
    subject = verifier(documents, Clock(), delay=0.05)
    callers = await asyncio.gather(*(subject.verify(FIRST.token()) for _ in range(20)))
    assert {caller.subject for caller in callers} == {"u-1"}
    assert len(documents.asked) == 2


async def test_a_known_key_does_not_wait_for_new_ones() -> None:
    documents, clock = Documents(FIRST), Clock()
    subject = verifier(documents, clock)
    await subject.verify(FIRST.token())
    documents.failure = UnreachableIssuerError("down")
    clock.now += 301
    async with asyncio.timeout(1):
        assert (await subject.verify(FIRST.token())).subject == "u-1"


async def test_invented_key_ids_do_not_flood_the_issuer() -> None:
    documents = Documents(FIRST)
    subject = verifier(documents, Clock())
    await subject.verify(FIRST.token())
    for _ in range(10):
        with pytest.raises(UnknownKeyError):
            await subject.verify(SECOND.token())
    assert len(documents.asked) == 2


async def test_a_rotated_key_is_fetched() -> None:
    documents, clock = Documents(FIRST), Clock()
    subject = verifier(documents, clock)
    await subject.verify(FIRST.token())
    documents.keys = [SECOND]
    clock.now += 11
    assert (await subject.verify(SECOND.token())).subject == "u-1"


async def test_who_leaves_does_not_stop_the_others() -> None:
    subject = verifier(Documents(FIRST), Clock(), delay=0.1)
    leaving = asyncio.create_task(subject.verify(FIRST.token()))
    staying = asyncio.create_task(subject.verify(FIRST.token()))
    await asyncio.sleep(0.05)
    leaving.cancel()
    assert (await staying).subject == "u-1"


async def test_verified_token_is_not_verified_again_for_some_seconds() -> None:
    documents, clock = Documents(FIRST), Clock()
    subject, token = verifier(documents, clock), FIRST.token()
    caller = await subject.verify(token)
    documents.failure = UnreachableIssuerError("down")
    clock.now += 4000  # The keys count no longer.
    assert await subject.verify(token) == caller
    with pytest.raises(UnreachableIssuerError):
        await subject.verify(FIRST.token(claims(sub="u-2")))


@pytest.mark.parametrize(("later", "is_known"), [(-1.0, True), (0.0, False), (1.0, False)])
async def test_verified_token_is_forgotten_when_it_expires(
    monkeypatch: pytest.MonkeyPatch, later: float, is_known: bool
) -> None:
    documents, clock = Documents(FIRST), Clock()
    subject, token = verifier(documents, clock), FIRST.token()
    caller = await subject.verify(token)
    documents.failure = UnreachableIssuerError("down")
    clock.now += 4000
    monkeypatch.setattr(time, "time", lambda: caller.expires + later)
    if is_known:
        assert await subject.verify(token) == caller
    else:
        with pytest.raises(UnreachableIssuerError):
            await subject.verify(token)


async def test_expired_token_is_rejected() -> None:
    subject = verifier(Documents(FIRST), Clock())
    with pytest.raises(ExpiredTokenError):
        await subject.verify(FIRST.token(claims(exp=int(time.time()) - 3600)))


async def test_issuer_that_was_never_reached_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    documents = Documents(FIRST)
    documents.failure = UnreachableIssuerError("https://idp.example.com answers with 500.")
    subject = verifier(documents, Clock())
    with pytest.raises(UnreachableIssuerError, match="answers with 500"):
        await subject.verify(FIRST.token())
    assert "identity provider: https://idp.example.com answers with 500." in caplog.text
    # The next one does not ask again so soon.
    with pytest.raises(UnreachableIssuerError, match="The identity provider is unreachable"):
        await subject.verify(FIRST.token())
    assert len(documents.asked) == 1


async def test_unknown_key_is_the_tokens_fault_while_the_issuer_is_known() -> None:
    documents, clock = Documents(FIRST), Clock()
    subject = verifier(documents, clock)
    await subject.verify(FIRST.token())
    documents.failure = UnreachableIssuerError("down")
    clock.now += 11
    with pytest.raises(UnknownKeyError, match="signed with an unknown key"):
        await subject.verify(SECOND.token())


async def test_stale_keys_are_fetched_in_the_background() -> None:
    documents, clock = Documents(FIRST), Clock()
    subject = verifier(documents, clock, delay=0.05)
    await subject.verify(FIRST.token())
    documents.keys = [SECOND]
    clock.now += 301
    assert (await subject.verify(FIRST.token(claims(sub="u-2")))).subject == "u-2"
    await asyncio.sleep(0.3)
    assert len(documents.asked) == 4
    with pytest.raises(UnknownKeyError):
        await subject.verify(FIRST.token(claims(sub="u-3")))


async def test_known_key_does_not_wait_for_a_refresh_that_another_began() -> None:
    documents, clock = Documents(FIRST), Clock()
    subject = verifier(documents, clock, delay=0.2)
    await subject.verify(FIRST.token())
    clock.now += 11
    waiting = asyncio.create_task(subject.verify(SECOND.token()))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(0.1):
        assert (await subject.verify(FIRST.token(claims(sub="u-2")))).subject == "u-2"
    documents.keys = [FIRST, SECOND]
    assert (await waiting).subject == "u-1"
