"""CVE-2026-79537 (MetaMCP: sessions found by their id alone, listed by a health page), CVE-2026-52869 (Python SDK:
routing without comparing the principal) and GHSA-953h-535j-jg2v (agent-router: the subject in the id never compared).
"""

from __future__ import annotations

from pathlib import Path

from remit.adapters.sealer.aead import AeadSealer
from remit.core.secret import Secret
from remit.testing.clock import FakeEntropy
from tests.attack.scene import CALL, Door, Gains
from tests.scenes.mcp import McpScene, legacy_request, opened

LOOKS = [
    b"/healthz", b"/readyz", b"/health", b"/health/sessions", b"/sessions", b"/mcp/sessions", b"/metrics", b"/status",
    b"/admin", b"/admin/v1/sessions", b"/debug", b"/console", b"/openapi.json", b"/docs", b"/api/tools",
    b"/v0.1/servers",
]  # fmt: skip


async def a_victim() -> tuple[McpScene, bytes, bytes]:
    scene = McpScene(sealer=AeadSealer([Secret(b"k" * 32)], FakeEntropy()))
    token, session = await opened(scene)
    return scene, token, session


async def another_principal_s_session(_: Path) -> Gains:
    """The attacker has the id and a token of their own for the same endpoint: calls, listens, ends the session."""
    scene, token, session = await a_victim()
    before = len(scene.upstreams.arrived)
    gains: Gains = []
    for name, attacker in (
        ("another grant", scene.token("files")),
        ("another subject", scene.token("files", subject="mallory")),
        ("another client", scene.token("files", client="mallory")),
    ):
        for verb in (b"POST", b"GET", b"DELETE"):
            body, headers = legacy_request(attacker, session, "tools/call", CALL)
            answer = await scene.send("/mcp/files", body if verb == b"POST" else b"", headers, verb)
            if answer.status != 404:
                gains.append(f"{verb.decode()} by {name} was answered {answer.status}")
    gains += ["a server was reached"] * (len(scene.upstreams.arrived) - before + len(scene.upstreams.listened))
    gains += ["the victim's session was ended"] * len(scene.upstreams.closed)
    if not gains:
        assert (await scene.legacy("/mcp/files", token, session, "tools/call", CALL)).status == 200
    return gains


async def a_look_around(_: Path) -> Gains:
    """Nobody without a token learns of sessions, servers or people, whatever page they ask for."""
    scene, token, session = await a_victim()
    door = Door(scene)
    gains: Gains = []
    for page in LOOKS:
        for verb in (b"GET", b"POST"):
            answer = await door.ask(page, {b"authorization": None}, b"{}", verb)
            told = answer.body + b"".join(answer.headers.values())
            found = [word for word in (session, b"payroll", b"engineer", b"grant-0", b"read_file") if word in told]
            gains += [f"{page.decode()} told {word.decode()}" for word in found]
            if answer.status == 200 and answer.body not in (b'{"alive":true}', b'{"ready":true}'):
                gains.append(f"{page.decode()} answered {answer.body!r}")
    assert (await scene.legacy("/mcp/files", token, session, "tools/call", CALL)).status == 200
    return gains


async def test_a_session_id_is_worth_nothing_to_another_principal() -> None:
    assert await another_principal_s_session(Path()) == []


async def test_no_page_lists_sessions_servers_or_people() -> None:
    assert await a_look_around(Path()) == []
