"""GO-2026-5390 (Kuadrant: an unauthenticated internal "hair-pin" header passed for a verified session) and
CVE-2026-110279 (ContextForge: `X-Upstream-Authorization` replaced the broker's credential): no header but
Authorization says who asks, and none says what a server is shown.
"""

from __future__ import annotations

from pathlib import Path

from tests.attack.scene import CALL, Gains, expect_served, wire, wired
from tests.scenes.mcp import McpScene

SAYS = b"Bearer smuggled-4711"
UPSTREAM = [
    b"x-upstream-authorization", b"x-mcp-authorization", b"x-forwarded-access-token", b"proxy-authorization",
    b"x-authorization", b"x-api-key", b"cookie", b"x-auth-token", b"x-amzn-oidc-data", b"x-remit-credential",
]  # fmt: skip
WHO = [
    b"x-forwarded-user", b"x-forwarded-email", b"x-remote-user", b"x-remit-subject", b"x-remit-grant",
    b"x-remit-tenant",
    b"x-mcp-tenant", b"x-user-id", b"x-original-authorization", b"x-envoy-internal", b"x-mcp-internal",
    b"router-key", b"mcp-init-host", b"x-auth-request-user", b"x-ms-client-principal", b"forwarded",
]  # fmt: skip
WHERE = [
    b"x-forwarded-for", b"x-real-ip", b"x-original-url", b"x-rewrite-url", b"x-forwarded-uri", b"x-forwarded-prefix",
    b"x-http-method-override", b"x-forwarded-host", b"x-forwarded-proto", b"x-client-ip", b"true-client-ip",
]  # fmt: skip


async def a_header_instead_of_a_token(_: Path) -> Gains:
    """Each header says an engineer, a live grant, a loopback address or another path; none comes with a token."""
    scene = McpScene()
    token = scene.token("files")
    gains: Gains = []
    for header in [*WHO, *WHERE]:
        for value in (b"engineer", b"grant-0", b"127.0.0.1", b"/healthz", token):
            answer = await scene.modern(
                "/mcp/files", b"", "tools/call", CALL, headers={b"authorization": None, header: value}
            )
            if answer.status != 401:
                gains.append(f"{header.decode()}: {value.decode()} was answered {answer.status}")
    gains += ["a server was reached"] * len(scene.upstreams.arrived)
    await expect_served(scene, "/mcp/files", token)
    return gains


async def a_header_beside_a_token(_: Path) -> Gains:
    """The decision, the record and what the server gets are the same with and without each header."""
    scene = McpScene()
    token = scene.token("files")
    plain = await expect_served(scene, "/mcp/files", token)
    gains: Gains = []
    for header in [*WHO, *WHERE, *UPSTREAM]:
        asking = await expect_served(scene, "/mcp/files", token, headers={header: b"administrator"})
        if asking.body != plain.body or scene.upstreams.arrived[-1] != scene.upstreams.arrived[0]:
            gains.append(f"{header.decode()} changed the call")
        if scene.policy.asked[-1] != scene.policy.asked[0]:
            gains.append(f"{header.decode()} changed the question")
    gains += ["the ledger believed a header"] * (b"administrator" in b"".join(scene.ledger.lines))
    return gains


async def a_header_for_the_server(_: Path) -> Gains:
    """A real server that keeps every byte: it sees the broker's credential, once, and nothing that was smuggled."""
    environment = {"CRM": "brokered-1234"}
    async with wired(headers={"Authorization": "Bearer ${env:CRM}"}, environment=environment) as (scene, server):
        token = scene.token("files")
        for header in UPSTREAM:
            await expect_served(scene, "/mcp/files", token, headers={header: SAYS})
        got = wire(server)
        gains = ["a smuggled value reached the server"] * (b"smuggled-4711" in got)
        for request in server.got:
            if request.head.lower().count(b"\r\nauthorization:") != 1:
                gains.append("the server was shown another number of credentials than one")
        assert got.count(b"authorization: Bearer brokered-1234") == len(UPSTREAM)
        return gains


async def test_no_header_stands_in_for_a_token() -> None:
    assert await a_header_instead_of_a_token(Path()) == []


async def test_no_header_beside_the_token_changes_anything() -> None:
    assert await a_header_beside_a_token(Path()) == []


async def test_no_header_overrides_the_broker_s_credential() -> None:
    assert await a_header_for_the_server(Path()) == []
