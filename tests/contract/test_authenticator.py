"""What every authenticator does with a token its signer minted, and with anything else; the fakes included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from remit.adapters.authenticator.access_tokens import TokenAuthenticator
from remit.adapters.signer.file import FileKeys
from remit.core.authentication import Authentication
from remit.core.errors import Unauthenticated
from remit.core.grantbook import GrantBook
from remit.core.principals import Claims
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.ports.authenticator import Authenticator
from remit.ports.tokens import TokenSigner
from remit.testing.authenticator import ISSUER, FakeAuthenticator
from remit.testing.clock import FakeClock
from remit.testing.tokens import FakeTokenSigner

RESOURCE = f"{ISSUER}/mcp"
NOW_S = 1_800_000_000
CLAIMS = Claims(
    ISSUER, "engineer", "demo", "grt_1", "acme", RESOURCE, "tok_1", NOW_S, NOW_S, NOW_S + 300, ("b", "a"), "git",
    Authentication(("pwd",), NOW_S - 60),
)  # fmt: skip


@dataclass
class Pair:
    signer: TokenSigner
    authenticator: Authenticator
    clock: FakeClock

    def ask(self, authorization: bytes | None, resource: str = RESOURCE) -> Claims:
        presented = None if authorization is None else Secret(authorization)
        return self.authenticator.authenticate(presented, resource).claims

    def refused(self, authorization: bytes | None, resource: str = RESOURCE) -> Reason:
        with pytest.raises(Unauthenticated) as caught:
            self.ask(authorization, resource)
        return caught.value.reason

    def bearer(self, claims: Claims = CLAIMS) -> bytes:
        return b"Bearer " + self.signer.mint(claims).expose()


def real(folder: Path) -> Pair:
    clock = FakeClock(NOW_S)
    keys = FileKeys(folder / "keys", clock=clock)
    return Pair(keys.tokens, TokenAuthenticator(keys.tokens, GrantBook(), clock, issuer=ISSUER), clock)


def fake(folder: Path) -> Pair:
    signer, clock = FakeTokenSigner(), FakeClock(NOW_S)
    return Pair(signer, FakeAuthenticator(signer, clock), clock)


@pytest.fixture(params=[real, fake], ids=["tokens", "fake"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    make: Callable[[Path], Pair] = request.param
    return make(tmp_path)


def test_a_minted_token_says_exactly_what_was_minted(pair: Pair) -> None:
    for claims in (CLAIMS, replace(CLAIMS, actors=(), scope="")):
        assert pair.ask(pair.bearer(claims)) == claims


def test_a_token_is_good_for_its_resource_alone(pair: Pair) -> None:
    token = pair.bearer()
    assert pair.refused(token, f"{RESOURCE}/git") is Reason.TOKEN_AUDIENCE
    assert pair.ask(token)


def test_a_token_is_good_from_its_first_second_to_its_last(pair: Pair) -> None:
    token = pair.bearer()
    pair.clock.step_wall(-1)
    assert pair.refused(token) is Reason.TOKEN_EARLY
    pair.clock.step_wall(300)
    assert pair.ask(token)
    pair.clock.step_wall(1)
    assert pair.refused(token) is Reason.TOKEN_EXPIRED


@pytest.mark.parametrize(
    "authorization", [b"", b"Bearer", b"Bearer ", b"Basic eDp5", b"Bearer a b", b"Bearer a,Bearer b"]
)
def test_anything_but_one_bearer_token_is_malformed(pair: Pair, authorization: bytes) -> None:
    assert pair.refused(authorization) is Reason.TOKEN_MALFORMED


def test_nothing_is_missing_and_nonsense_is_invalid(pair: Pair) -> None:
    assert pair.refused(None) is Reason.TOKEN_MISSING
    assert pair.refused(b"Bearer nonsense") is Reason.TOKEN_INVALID


def test_a_key_set_is_published(pair: Pair) -> None:
    assert isinstance(pair.signer.public_keys()["keys"], list)
