"""Every implementation of the passkeys port, each with an authenticator that speaks its language."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from remit.adapters.passkeys.webauthn import WebauthnPasskeys
from remit.core.errors import Refusal
from remit.core.passkeys import Answer, base64url, bytes_of, creation_options, parse_answer, request_options
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.ports.passkeys import Passkeys
from remit.testing.passkeys import PRESENT, VERIFIED, FakeAuthenticator, FakePasskeys
from tests.peers.authenticator import SoftwareAuthenticator

ORIGIN = "https://remit.example"
CHALLENGE, OTHER = Secret(b"c" * 32), Secret(b"o" * 32)
BENT: list[dict[str, Any]] = [
    {"origin": "https://evil.example"},
    {"origin": "https://remit.example:8443"},
    {"origin": "http://remit.example"},
    {"rp_id": "evil.example"},
    {"rp_id": "example"},
    {"challenge": base64url(OTHER.expose())},
    {"challenge": ""},
    {"type": "webauthn.other"},
    {"cross_origin": True},
]


@dataclass(frozen=True)
class Pair:
    passkeys: Passkeys
    device: FakeAuthenticator

    def asked_to_make(self, **bent: Any) -> Answer:
        return parse_answer(self.device.create(creation_options(ORIGIN, "engineer", CHALLENGE, ()), **bent))

    def asked_to_prove(self, **bent: Any) -> Answer:
        return parse_answer(self.device.get(request_options(ORIGIN, CHALLENGE), **bent))


@pytest.fixture(params=["fake", "webauthn"])
def pair(request: pytest.FixtureRequest) -> Pair:
    if request.param == "fake":
        return Pair(FakePasskeys(ORIGIN), FakeAuthenticator(ORIGIN))
    return Pair(WebauthnPasskeys(ORIGIN), SoftwareAuthenticator(ORIGIN))


async def refused(work: Any) -> Reason:
    with pytest.raises(Refusal) as caught:
        await work
    return caught.value.reason


async def test_a_key_that_was_made_here_proves_itself_and_says_how_often_it_was_used(pair: Pair) -> None:
    made = await pair.passkeys.made(pair.asked_to_make(), CHALLENGE)
    assert (base64url(made.credential), made.counter) == (next(iter(pair.device.keys)), 1)
    assert [await pair.passkeys.proven(pair.asked_to_prove(), CHALLENGE, made.key) for _ in range(2)] == [2, 3]
    assert await pair.passkeys.proven(pair.asked_to_prove(counter=0), CHALLENGE, made.key) == 0


@pytest.mark.parametrize("bent", [*BENT, {"flags": 0x41}, {"flags": 0x44}, {"algorithm": -65535}], ids=str)
async def test_a_key_made_otherwise_than_asked_is_none(pair: Pair, bent: dict[str, Any]) -> None:
    assert await refused(pair.passkeys.made(pair.asked_to_make(**bent), CHALLENGE)) is Reason.PASSKEY_INVALID
    assert await pair.passkeys.made(pair.asked_to_make(), CHALLENGE)


@pytest.mark.parametrize("bent", [*BENT, {"flags": PRESENT}, {"flags": VERIFIED}, {"flags": 0}], ids=str)
async def test_an_answer_to_another_question_proves_nothing(pair: Pair, bent: dict[str, Any]) -> None:
    made = await pair.passkeys.made(pair.asked_to_make(), CHALLENGE)
    assert (
        await refused(pair.passkeys.proven(pair.asked_to_prove(**bent), CHALLENGE, made.key)) is Reason.PASSKEY_INVALID
    )
    assert await pair.passkeys.proven(pair.asked_to_prove(), CHALLENGE, made.key)


async def test_another_key_proves_nothing(pair: Pair) -> None:
    mine = await pair.passkeys.made(pair.asked_to_make(), CHALLENGE)
    theirs = await pair.passkeys.made(pair.asked_to_make(), CHALLENGE)
    first, second = pair.device.keys
    assert (
        await refused(pair.passkeys.proven(pair.asked_to_prove(credential=first), CHALLENGE, theirs.key))
        is Reason.PASSKEY_INVALID
    )
    assert (
        await refused(pair.passkeys.proven(pair.asked_to_prove(credential=first, key_of=second), CHALLENGE, mine.key))
        is Reason.PASSKEY_INVALID
    )
    assert await pair.passkeys.proven(pair.asked_to_prove(credential=first), CHALLENGE, mine.key)


@pytest.mark.parametrize("part", ["attestationObject", "authenticatorData", "signature", "clientDataJSON"])
async def test_a_changed_or_absent_part_proves_nothing(pair: Pair, part: str) -> None:
    made = await pair.passkeys.made(pair.asked_to_make(), CHALLENGE)
    making = part == "attestationObject"
    answer = pair.asked_to_make() if making else pair.asked_to_prove()
    whole = _parts(answer)
    changed = bytes_of(whole[part])[:-1] + b"\xff"
    values = ["", "A", "=", "é", base64url(b"\x9b" + b"\xff" * 8), base64url(b"\x81" * 5000)]
    for value in values if making else [*values, base64url(changed)]:  # without attestation nothing signs a new key
        bent = parse_answer(json.dumps(_whole(answer) | {"response": whole | {part: value}}))
        given = pair.passkeys
        assert (
            await refused(given.made(bent, CHALLENGE) if making else given.proven(bent, CHALLENGE, made.key))
            is Reason.PASSKEY_INVALID
        )


def _parts(answer: Answer) -> dict[str, Any]:
    return {name: getattr(answer.response, name) for name in answer.response.__struct_fields__}


def _whole(answer: Answer) -> dict[str, Any]:
    return {"id": answer.id, "rawId": answer.rawId, "type": answer.type}


async def test_an_id_that_is_not_the_key_s_is_refused(pair: Pair) -> None:
    answer, theirs = pair.asked_to_make(), pair.asked_to_make()
    for id, raw in ((theirs.id, answer.id), (answer.id, theirs.id), (theirs.id, theirs.id)):
        whole = {"id": id, "rawId": raw, "type": "public-key", "response": _parts(answer)}
        assert await refused(pair.passkeys.made(parse_answer(json.dumps(whole)), CHALLENGE)) is Reason.PASSKEY_INVALID
    assert await pair.passkeys.made(answer, CHALLENGE)


# webauthn alone ---------------------------------------------------------------------------------------------------
async def test_nothing_is_proven_to_an_origin_without_a_name() -> None:
    for origin in ("http://127.0.0.1:8700", "http://[::1]:8700"):
        device, passkeys = SoftwareAuthenticator(origin), WebauthnPasskeys(origin)
        answer = device.create(creation_options(origin, "engineer", CHALLENGE, ()))
        assert await refused(passkeys.made(parse_answer(answer), CHALLENGE)) is Reason.PASSKEY_INVALID


async def test_a_key_that_is_no_point_of_its_curve_is_refused() -> None:
    class Bent(SoftwareAuthenticator):
        def public(self, pair: Any, algorithm: int) -> bytes:
            return SoftwareAuthenticator.public(self, pair, algorithm)[:-1] + b"\x00"

    device = Bent(ORIGIN)
    answer = parse_answer(device.create(creation_options(ORIGIN, "engineer", CHALLENGE, ())))
    assert await refused(WebauthnPasskeys(ORIGIN).made(answer, CHALLENGE)) is Reason.PASSKEY_INVALID


@given(st.binary(max_size=400), st.binary(max_size=200))
async def test_whatever_bytes_a_stranger_sends_are_no_proof_and_no_outage(data: bytes, told: bytes) -> None:
    parts = {"clientDataJSON": base64url(told), "attestationObject": base64url(data)}
    parts |= {"authenticatorData": base64url(data), "signature": base64url(told)}
    answer = parse_answer(json.dumps({"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": parts}))
    passkeys = WebauthnPasskeys(ORIGIN)
    assert await refused(passkeys.made(answer, CHALLENGE)) is Reason.PASSKEY_INVALID
    assert await refused(passkeys.proven(answer, CHALLENGE, data)) is Reason.PASSKEY_INVALID
