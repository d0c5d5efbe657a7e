"""Session handles in wrong hands (CVE-2026-79537 MetaMCP, CVE-2026-52869 Python SDK, GHSA-953h-535j-jg2v agent-router):
sessions were found by their id alone, or carried a subject that was never compared.
"""

from __future__ import annotations

from typing import Any

import pytest

from remit.adapters.sealer.aead import AeadSealer
from remit.core.secret import Secret
from remit.testing.clock import FakeEntropy
from tests.scenes.mcp import McpScene, legacy_request, opened

CALL = {"name": "read_file", "arguments": {}}


def scene() -> McpScene:
    return McpScene(sealer=AeadSealer([Secret(b"k" * 32)], FakeEntropy()))


def calls(played: McpScene) -> int:
    return sum(arrived.request.method == "tools/call" for arrived in played.upstreams.arrived)


@pytest.mark.parametrize("verb", [b"POST", b"GET", b"DELETE"])
@pytest.mark.parametrize("thief", ["another grant", "another subject", "another client"])
async def test_a_stolen_session_id_is_unknown_to_everybody_else(verb: bytes, thief: str) -> None:
    played = scene()
    token, session = await opened(played)
    if thief == "another grant":
        stranger = played.token("files")
    else:
        other: dict[str, Any] = {thief.removeprefix("another "): "mallory"}
        stranger = played.token("files", **other)
    body, headers = legacy_request(stranger, session, "tools/call", CALL)
    answer = await played.send("/mcp/files", body if verb == b"POST" else b"", headers, verb)
    assert answer.status == 404
    assert (calls(played), played.upstreams.listened, played.upstreams.closed) == (0, [], [])
    assert (await played.legacy("/mcp/files", token, session, "tools/call", CALL)).status == 200


async def test_a_session_id_alone_authorises_nothing() -> None:
    played = scene()
    token, session = await opened(played)
    body, headers = legacy_request(token, session, "tools/call", CALL)
    assert (await played.send("/mcp/files", body, headers | {b"authorization": None})).status == 401
    assert calls(played) == 0
    assert (await played.send("/mcp/files", body, headers)).status == 200


async def test_a_changed_session_id_is_unknown() -> None:
    played = scene()
    token, session = await opened(played)
    for position in range(0, len(session), 7):
        changed = (
            session[:position] + (b"A" if session[position : position + 1] != b"A" else b"B") + session[position + 1 :]
        )
        assert (await played.legacy("/mcp/files", token, changed, "tools/call", CALL)).status == 404
    assert calls(played) == 0
    assert (await played.legacy("/mcp/files", token, session, "tools/call", CALL)).status == 200


async def test_session_ids_tell_nothing_and_do_not_repeat() -> None:
    played = scene()
    token, first = await opened(played)
    second = await played.open_session("/mcp/files", token)
    assert first != second
    for word in (b"engineer", b"grant-0", b"demo", b"upstream-session"):
        assert word not in first
    assert len(first) < 2000
    assert (await played.legacy("/mcp/files", token, second, "tools/call", CALL)).status == 200


async def test_an_ended_session_s_id_has_no_second_spelling() -> None:
    played = scene()
    token, session = await opened(played)
    assert (await played.legacy("/mcp/files", token, session, "tools/call", CALL)).status == 200
    headers: dict[bytes, bytes | None] = {b"authorization": token, b"mcp-session-id": session}
    assert (await played.send("/mcp/files", b"", headers, b"DELETE")).status == 200
    for twin in (session, session + b"=", session + b"==", session + b" "):
        assert (await played.legacy("/mcp/files", token, twin, "tools/call", CALL)).status == 404
    assert calls(played) == 1
