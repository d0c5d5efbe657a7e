"""Tokens at the real endpoint with the real authenticator: only one, only in the header, only while its grant lives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from remit.adapters.authenticator.access_tokens import TokenAuthenticator
from remit.core.grant import GrantEvent
from remit.core.reasons import Reason
from remit.surfaces.mcp.endpoint import McpEndpoint
from remit.surfaces.mcp.exchange import HttpRequest
from tests.scenes.mcp import McpScene, modern_request
from tests.scenes.responder import FakeResponder
from tests.scenes.token import RESOURCE, TokenScene


class Presented:
    """An MCP endpoint that believes the tokens of one installation."""

    def __init__(self, folder: Path) -> None:
        self.mcp = McpScene()
        self.tokens = TokenScene(folder, clock=self.mcp.clock, grants=self.mcp.grants)
        authenticator = TokenAuthenticator(
            self.tokens.keys.tokens, self.mcp.grants, self.mcp.clock, issuer=RESOURCE[:-4]
        )
        walk = replace(self.mcp.walk, authenticator=authenticator)
        self.endpoint = McpEndpoint(walk, self.mcp.sealer, self.mcp.changes, self.mcp.settings)
        self.mcp.token(grant="grt_1")
        self.token = self.minted()

    def minted(self, **changes: object) -> bytes:
        return self.tokens.token(actors=(), **changes)

    async def ask(self, *authorization: bytes, query: bytes = b"") -> FakeResponder:
        body, headers = modern_request(b"", "tools/call", {"name": "read_file", "arguments": {}})
        pairs = [(name, value) for name, value in headers.items() if name != b"authorization" and value is not None]
        pairs += [(b"host", b"127.0.0.1:8700"), (b"content-type", b"application/json")]
        pairs += [(b"accept", b"application/json, text/event-stream")]
        pairs += [(b"authorization", value) for value in authorization]
        responder = FakeResponder()
        await self.endpoint(HttpRequest(b"POST", b"/mcp", query, pairs, body, "127.0.0.1"), responder)
        return responder


@pytest.fixture
def presented(tmp_path: Path) -> Presented:
    return Presented(tmp_path / "keys")


async def test_one_token_in_the_header_is_let_in(presented: Presented) -> None:
    assert (await presented.ask(b"Bearer " + presented.token)).status == 200
    assert len(presented.mcp.upstreams.arrived) == 1


async def test_a_token_in_the_query_is_never_accepted(presented: Presented) -> None:
    """RFC 6750 section 2.3 is not offered: URLs end up in logs."""
    answer = await presented.ask(query=b"access_token=" + presented.token)
    assert answer.status == 401
    assert answer.headers[b"www-authenticate"].startswith(b"Bearer ")
    assert presented.mcp.upstreams.arrived == []
    assert presented.mcp.ledger.refusals[Reason.TOKEN_MISSING] == 1


async def test_two_authorization_headers_are_refused_even_if_equal(presented: Presented) -> None:
    one = b"Bearer " + presented.token
    for pair in ((one, one), (one, b"Bearer x"), (b"Bearer x", one)):
        assert (await presented.ask(*pair)).status == 400
    assert presented.mcp.upstreams.arrived == []
    assert (await presented.ask(one)).status == 200


async def test_a_token_of_another_installation_is_refused(presented: Presented, tmp_path: Path) -> None:
    """Every installation makes its own keys: there is no default key to sign with."""
    elsewhere = TokenScene(tmp_path / "elsewhere", clock=presented.mcp.clock)
    assert (await presented.ask(b"Bearer " + elsewhere.token(actors=()))).status == 401
    assert (await presented.ask(b"Bearer " + presented.token)).status == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"grant_id": "grt_2"},
        {"subject": "administrator"},
        {"client_id": "other"},
        {"tenant": "globex"},
        {"audience": f"{RESOURCE}/files"},
    ],
)
async def test_a_token_that_does_not_fit_its_grant_is_refused(presented: Presented, changes: dict[str, str]) -> None:
    assert (await presented.ask(b"Bearer " + presented.minted(**changes))).status == 401
    assert (await presented.ask(b"Bearer " + presented.minted())).status == 200


async def test_a_genuine_token_of_an_ended_grant_is_refused(presented: Presented) -> None:
    assert (await presented.ask(b"Bearer " + presented.token)).status == 200
    live = presented.mcp.grants.find("grt_1")
    assert live is not None
    live.apply(GrantEvent.REVOKE)
    assert (await presented.ask(b"Bearer " + presented.token)).status == 401
    assert len(presented.mcp.upstreams.arrived) == 1


async def test_no_answer_repeats_the_token(presented: Presented) -> None:
    for authorization in (b"Bearer " + presented.token + b"x", b"Bearer " + presented.minted(tenant="globex")):
        answer = await presented.ask(authorization)
        written = answer.body + b"".join(answer.headers.values()) + b"".join(presented.mcp.ledger.lines)
        assert presented.token[:60] not in written
        assert presented.token[-40:] not in written
