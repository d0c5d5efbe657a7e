"""Every implementation of the passwords port."""

from __future__ import annotations

import asyncio

import pytest

from remit.adapters.passwords.argon2 import Argon2Passwords
from remit.core.errors import Refusal
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.ports.passwords import Passwords
from remit.testing.passwords import FakePasswords

RIGHT, WRONG = Secret("fünf lange Wörter".encode()), Secret(b"five long words")


@pytest.fixture(params=[FakePasswords, Argon2Passwords])
def passwords(request: pytest.FixtureRequest) -> Passwords:
    made: Passwords = request.param()
    return made


async def test_the_right_password_is_the_same_and_no_other_is(passwords: Passwords) -> None:
    kept = await passwords.hashed(RIGHT)
    assert await passwords.same(RIGHT, kept)
    assert not await passwords.same(WRONG, kept)
    assert not await passwords.same(Secret(b""), kept)
    assert not passwords.outdated(kept)


async def test_nobody_s_hash_is_made_from_no_password(passwords: Passwords) -> None:
    assert not await passwords.same(RIGHT, "")
    assert not await passwords.same(Secret(b"nobody has this password"), "")


# argon2 alone -----------------------------------------------------------------------------------------------------
async def test_one_password_is_hashed_differently_each_time_with_the_parameters_of_rfc_9106() -> None:
    passwords = Argon2Passwords()
    first, second = await passwords.hashed(RIGHT), await passwords.hashed(RIGHT)
    assert first != second
    assert first.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.outdated(first.replace("m=65536", "m=8192"))


@pytest.mark.parametrize("kept", ["x", "$argon2id$v=19$m=65536,t=3,p=4$AAAA", "fake:00"])
async def test_a_hash_that_cannot_be_read_is_an_outage_and_no_wrong_password(kept: str) -> None:
    with pytest.raises(Refusal) as refused:
        await Argon2Passwords().same(RIGHT, kept)
    assert refused.value.reason is Reason.STORE_UNAVAILABLE


async def test_whoever_would_wait_behind_too_many_is_sent_away_and_the_others_are_served() -> None:
    passwords = Argon2Passwords(at_once_max=1, waiting_max=2)
    asked = [asyncio.create_task(passwords.same(RIGHT, "")) for _ in range(4)]
    answers = await asyncio.gather(*asked, return_exceptions=True)
    refused = [answer.reason for answer in answers if isinstance(answer, Refusal)]
    assert (refused, answers.count(False)) == ([Reason.LIMIT_RATE] * 2, 2)
    assert not await passwords.same(RIGHT, "")


async def test_one_that_stops_waiting_gives_its_place_back() -> None:
    passwords = Argon2Passwords(at_once_max=1, waiting_max=2)
    first, second = (asyncio.create_task(passwords.same(RIGHT, "")) for _ in range(2))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    assert [await passwords.same(RIGHT, "") for _ in range(3)] == [False] * 3
