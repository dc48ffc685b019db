"""Sign-outs in the gateway: when they take effect, and what counts while the table does not answer."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from lisa_gateway.errors import UnavailableError
from lisa_gateway.issuer import VERIFIED_SECONDS, Verifier
from lisa_gateway.sign_outs import FRESH_SECONDS, LOOKUP_SECONDS, RENEWAL_SECONDS, DynamoSignOuts, SignOuts
from lisa_oidc import Caller, Expectation, ExpiredTokenError, SignedOutError, keys_of
from oidc.issuer import AUTHORITY, CLIENT_ID, Clock, Documents, SigningKey, claims

pytestmark = pytest.mark.anyio

KEY = SigningKey("first")
GRACE = 3600.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Table:
    """A table whose content, failure and delay a test sets."""

    def __init__(self) -> None:
        self.content: dict[str, float] = {}
        self.asked: list[tuple[str, str]] = []
        self.fails = False
        self.delay = 0.0

    async def ended(self, keys: tuple[str, str]) -> tuple[float, ...]:
        self.asked.append(keys)
        await asyncio.sleep(self.delay)
        if self.fails:
            raise UnavailableError("down")
        return tuple(self.content[key] for key in keys if key in self.content)


def person(**others: Any) -> Caller:
    named = {"username": "ada", "groups": (), "is_admin": False, "expires": 0.0, "issued": time.time(), "session": "s"}
    return Caller(**{"subject": "u-1", **named, **others})


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sign_outs(table: Table, clock: Clock) -> SignOuts:
    return SignOuts(table, grace=GRACE, clock=clock)


async def test_a_sign_out_ends_the_session_and_no_other(table: Table, sign_outs: SignOuts) -> None:
    ended, other = person(), person(session="s-2")
    table.content[keys_of(ended)[1]] = ended.issued
    with pytest.raises(SignedOutError):
        await sign_outs.check(ended)
    await sign_outs.check(other)
    await sign_outs.check(person(issued=ended.issued + 1))


async def test_a_sign_out_takes_effect_when_what_was_found_is_not_fresh(
    table: Table, sign_outs: SignOuts, clock: Clock
) -> None:
    caller = person()
    await sign_outs.check(caller)
    table.content[keys_of(caller)[0]] = caller.issued
    clock.now += FRESH_SECONDS - 1
    await sign_outs.check(caller)
    assert len(table.asked) == 1
    clock.now += 1
    with pytest.raises(SignedOutError):
        await sign_outs.check(caller)


def test_the_bound_is_a_minute() -> None:
    """The verifier's memory, the age of what was looked up, the wait for a renewal, and the look-up itself."""
    assert VERIFIED_SECONDS + FRESH_SECONDS + RENEWAL_SECONDS + LOOKUP_SECONDS < 60


async def test_requests_at_the_same_time_share_a_look_up(table: Table, sign_outs: SignOuts) -> None:
    table.delay = 0.05
    await asyncio.gather(*(sign_outs.check(person()) for _ in range(50)))
    assert len(table.asked) == 1


async def test_a_person_who_was_signed_in_counts_while_the_table_is_down(
    table: Table, sign_outs: SignOuts, clock: Clock
) -> None:
    await sign_outs.check(person())
    table.fails = True
    clock.now += GRACE
    await sign_outs.check(person())
    with pytest.raises(UnavailableError):
        await sign_outs.check(person(subject="u-2"))
    clock.now += FRESH_SECONDS
    with pytest.raises(UnavailableError):
        await sign_outs.check(person())


async def test_a_person_who_signed_out_stays_so_while_the_table_is_down(
    table: Table, sign_outs: SignOuts, clock: Clock
) -> None:
    caller = person()
    table.content[keys_of(caller)[0]] = caller.issued
    for _ in range(3):
        with pytest.raises(SignedOutError):
            await sign_outs.check(caller)
        table.fails = True
        clock.now += FRESH_SECONDS
    assert len(table.asked) == 3


async def test_a_table_that_hangs_holds_known_callers_up_for_a_second(
    table: Table, sign_outs: SignOuts, clock: Clock
) -> None:
    await sign_outs.check(person())
    table.delay = 30
    clock.now += FRESH_SECONDS
    began = time.monotonic()
    await sign_outs.check(person())
    assert RENEWAL_SECONDS <= time.monotonic() - began < RENEWAL_SECONDS + 1
    await sign_outs.check(person())  # Not looked up again so soon.
    assert len(table.asked) == 2


async def test_old_tokens_are_refused_since_sign_outs_are_kept_for_a_day(sign_outs: SignOuts) -> None:
    with pytest.raises(ExpiredTokenError):
        await sign_outs.check(person(issued=time.time() - 86500))


async def test_the_verifier_remembers_a_caller_for_a_while(table: Table, sign_outs: SignOuts, clock: Clock) -> None:
    documents = Documents(KEY)

    async def fetch(url: str) -> Any:
        return documents(url)

    expectation = Expectation(client_id=CLIENT_ID)
    subject = Verifier(AUTHORITY, expectation, fetch=fetch, sign_outs=sign_outs, clock=clock)
    token = KEY.token(claims(sid="s", exp=int(time.time()) + 600))
    caller = await subject.verify(token)
    table.content[keys_of(caller)[1]] = caller.issued
    clock.now += VERIFIED_SECONDS - 1
    assert await subject.verify(token) == caller
    clock.now += 1
    with pytest.raises(SignedOutError):
        await subject.verify(token)


class Client:
    """A DynamoDB client that answers with one thing."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: dict[str, Any] = {}

    async def batch_get_item(self, **asked: Any) -> Any:
        self.asked = asked
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


async def test_both_keys_are_asked_for_consistently() -> None:
    client = Client({"Responses": {"t": [{"endedAt": {"N": "12.5"}}]}, "UnprocessedKeys": {}})
    assert await DynamoSignOuts(client, "t").ended(("a", "b")) == (12.5,)
    (asked,) = client.asked["RequestItems"].values()
    assert asked["Keys"] == [{"session": {"S": "a"}}, {"session": {"S": "b"}}]
    assert asked["ConsistentRead"] is True


@pytest.mark.parametrize(
    "answer",
    [
        EndpointConnectionError(endpoint_url="http://x"),
        ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "BatchGetItem"),
        TimeoutError(),
        {"Responses": {"t": []}, "UnprocessedKeys": {"t": {"Keys": []}}},
    ],
)
async def test_a_table_that_does_not_answer_is_unavailable(answer: Any) -> None:
    with pytest.raises(UnavailableError):
        await DynamoSignOuts(Client(answer), "t").ended(("a", "b"))
