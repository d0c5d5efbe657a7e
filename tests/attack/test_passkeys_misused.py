"""Passkeys in the wrong hands: answers from elsewhere, twice, for somebody else, by a copy, or too large.

Real keys and the real library; each refusal beside the same ceremony as it should be.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable
from typing import Any

import pytest

from remit.adapters.passkeys.webauthn import WebauthnPasskeys
from remit.core.errors import Refusal
from remit.core.passkeys import ANSWER_CHARS_MAX, base64url
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.flows.passkeys import TO_ADD, TO_SIGN_IN
from tests.peers.authenticator import SoftwareAuthenticator
from tests.scenes.passkeys import ORIGIN, PEER, PasskeyScene, browser

PRESENT, ATTESTED = 0x01, 0x40


@pytest.fixture
def scene() -> PasskeyScene:
    return PasskeyScene(WebauthnPasskeys(ORIGIN), SoftwareAuthenticator(ORIGIN))


async def refused(work: Awaitable[object]) -> Reason:
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value.reason


ELSEWHERE: list[dict[str, Any]] = [
    {"origin": "https://remit.example.evil.example"},
    {"origin": "https://evil.remit.example"},
    {"origin": "http://remit.example"},
    {"origin": ORIGIN + "/"},
    {"rp_id": "evil.example"},
    {"cross_origin": True},
    {"type": "payment.get"},
    {"challenge": base64url(b"x" * 32)},
]


@pytest.mark.parametrize("bent", [*ELSEWHERE, {"flags": PRESENT}, {"flags": 0x04}], ids=str)
async def test_an_answer_made_elsewhere_or_without_verifying_the_person_lets_nobody_in(
    scene: PasskeyScene, bent: dict[str, Any]
) -> None:
    await scene.with_passkey()
    assert await refused(scene.sign_in(**bent)) is Reason.PASSKEY_INVALID
    assert await scene.sign_in()


@pytest.mark.parametrize(
    "bent", [*ELSEWHERE, {"flags": PRESENT | ATTESTED}, {"algorithm": -65535}, {"algorithm": -35}], ids=str
)
async def test_a_key_made_elsewhere_unverified_or_of_another_kind_is_not_added(
    scene: PasskeyScene, bent: dict[str, Any]
) -> None:
    cookie = await scene.by_password()
    assert await refused(scene.add(cookie, **bent)) is Reason.PASSKEY_INVALID
    assert scene.walk.of("engineer") == {}
    await scene.add(cookie)


async def test_a_replayed_answer_lets_nobody_in_not_even_the_same_browser(scene: PasskeyScene) -> None:
    scene.device.counts = False  # so that nothing but the challenge tells
    await scene.with_passkey()
    asked = scene.walk.ask_to_sign_in(browser())
    answer = scene.device.get(asked.options)

    def enter(which: Secret, sealed: str = asked.sealed) -> Awaitable[Secret]:
        return scene.walk.sign_in(which, sealed=sealed, answer=answer, peer=PEER)

    assert await enter(browser())
    again = scene.walk.ask_to_sign_in(browser())
    assert await refused(enter(browser())) is Reason.PASSKEY_INVALID
    assert await refused(enter(browser(), again.sealed)) is Reason.PASSKEY_INVALID


async def test_another_browser_s_challenge_is_no_question_of_this_one(scene: PasskeyScene) -> None:
    """Else somebody could answer for a person whose browser then sits in the attacker's account, or the reverse."""
    cookie = await scene.with_passkey()
    assert await refused(scene.sign_in(asked_by=browser(2))) is Reason.PASSKEY_INVALID
    assert await refused(scene.add(cookie, "key", asked_by=browser(2))) is Reason.PASSKEY_INVALID
    assert await scene.sign_in()
    await scene.add(cookie, "key")


async def test_a_challenge_for_one_session_adds_nothing_to_another(scene: PasskeyScene) -> None:
    mine, theirs = await scene.by_password(), await scene.by_password("analyst")
    asked = scene.walk.ask_to_add(scene.session(theirs), theirs, browser())
    answer = scene.device.create(asked.options)
    adding = scene.walk.add(scene.session(mine), mine, browser(), sealed=asked.sealed, answer=answer, name="x")
    assert await refused(adding) is Reason.PASSKEY_INVALID
    assert scene.walk.of("engineer") == {}


async def test_a_question_for_one_purpose_is_none_for_the_other(scene: PasskeyScene) -> None:
    cookie = await scene.with_passkey()
    both = browser().expose() + b"|" + cookie.expose()
    for purpose, bound_to in ((TO_ADD, browser().expose()), (TO_SIGN_IN, both)):
        asked = scene.walk.ask_to_sign_in(browser())
        content = scene.sealer.open(TO_SIGN_IN, asked.sealed, bound_to=browser().expose())
        sealed = scene.sealer.seal(purpose, content, bound_to=bound_to)
        answer = scene.device.get(asked.options)
        work = scene.walk.sign_in(browser(), sealed=sealed, answer=answer, peer=PEER)
        assert await refused(work) is Reason.PASSKEY_INVALID


async def test_a_copied_device_locks_itself_and_the_original_out_until_somebody_helps(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    copy = scene.device.counter
    assert await scene.sign_in()
    assert await refused(scene.sign_in(counter=copy + 1)) is Reason.PASSKEY_SUSPENDED
    assert await refused(scene.sign_in()) is Reason.PASSKEY_SUSPENDED
    assert len(scene.alarms) == 1


async def test_another_account_s_passkey_or_a_made_up_one_is_nobody_s(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    await scene.with_passkey("analyst", "theirs")
    mine, theirs = scene.device.keys
    handle = scene.device.keys[mine][1]
    bent: list[dict[str, Any]] = [
        {"credential": mine, "key_of": theirs},  # signed with another key
        {"credential": theirs, "user_handle": handle},  # another's key under this name
        {"account": "engineer", "credential": theirs},  # the second step of another person
        {"account": "engineer", "credential": theirs, "user_handle": None},
        {"credential": base64url(b"made up"), "key_of": mine},
    ]
    for each in bent:
        assert await refused(scene.sign_in(**each)) is Reason.PASSKEY_INVALID
    session = scene.walk.sessions.entered(await scene.sign_in(account="engineer", credential=mine))
    assert session is not None
    assert session.account == "engineer"


async def test_an_answer_that_is_too_large_or_too_deep_is_refused_before_it_is_verified(scene: PasskeyScene) -> None:
    await scene.with_passkey()
    asked = scene.walk.ask_to_sign_in(browser())
    right = json.loads(scene.device.get(asked.options))
    parts = right["response"]
    for answer in (
        json.dumps(right | {"padding": "x" * ANSWER_CHARS_MAX}),
        json.dumps(right | {"id": "A" * 5000, "rawId": "A" * 5000}),
        json.dumps(right | {"response": parts | {"authenticatorData": base64url(b"\x00" * 12_000)}}),
        json.dumps(right | {"response": parts | {"clientDataJSON": base64url(b"[" * 9_000)}}),
        "[" * ANSWER_CHARS_MAX,
    ):
        work = scene.walk.sign_in(browser(), sealed=asked.sealed, answer=answer, peer=PEER)
        assert await refused(work) is Reason.PASSKEY_INVALID
    assert await scene.walk.sign_in(browser(), sealed=asked.sealed, answer=json.dumps(right), peer=PEER)


async def test_a_password_alone_neither_enters_nor_adds_a_second_passkey_where_one_is_demanded(
    scene: PasskeyScene,
) -> None:
    """Somebody who stole the password of an account with a passkey gets as far as the question for it."""
    await scene.with_passkey("strict")
    thief = await scene.by_password("strict")
    assert scene.walk.sessions.entered(thief) is None
    assert await refused(scene.add(thief, "thief's")) is Reason.STEP_UP_REQUIRED
    (id,) = scene.walk.of("strict")
    assert await refused(scene.walk.remove(scene.session(thief), thief, id)) is Reason.STEP_UP_REQUIRED
