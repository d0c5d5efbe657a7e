"""Routes that skip the decision (obot GO-2026-6522, mcp-toolbox CVE-2026-14537, 1MCP CVE-2026-108586, Kuadrant
GO-2026-5390): every endpoint, era and method is tried with a grant of another tenant, and with headers that ask for
trust.
"""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.ledger import RecordKind
from remit.core.scope import WholeServer
from tests.scenes.mcp import McpScene, greet

REQUESTS: dict[str, dict[str, Any]] = {
    "tools/list": {},
    "tools/call": {"name": "pay", "arguments": {}},
    "resources/list": {},
    "resources/templates/list": {},
    "resources/read": {"uri": "file:///readme"},
    "prompts/list": {},
    "prompts/get": {"name": "summarise"},
    "completion/complete": {"ref": {"type": "ref/resource", "uri": "x"}, "argument": {"name": "a", "value": ""}},
    "server/discover": {},
    "subscriptions/listen": {"notifications": {"toolsListChanged": True}},
}
PAYROLL = frozenset({WholeServer("payroll")})


@pytest.mark.parametrize("method", sorted(REQUESTS))
async def test_no_modern_method_reaches_another_tenant_s_server(method: str) -> None:
    scene = McpScene()
    scene.policy.permit("payroll/pay")
    token = scene.token("payroll", scopes=PAYROLL)  # scopes that name it do not help: the tenant decides
    answer = await scene.modern("/mcp/payroll", token, method, REQUESTS[method])
    assert scene.upstreams.arrived == []
    assert "pay" not in str(answer.json.get("result", {}).get("tools", ""))
    assert scene.ledger.of_kind(RecordKind.DENIAL)[-1]["reason"] == "tenant_mismatch"


async def test_the_twin_of_the_same_tenant_is_served() -> None:
    scene = McpScene()
    answer = await scene.modern(
        "/mcp/files", scene.token("files"), "tools/call", {"name": "read_file", "arguments": {}}
    )
    assert "isError" not in answer.json["result"]


@pytest.mark.parametrize("method", ["initialize"])
async def test_no_legacy_session_opens_at_another_tenant_s_server(method: str) -> None:
    scene = McpScene()
    greet(scene, "payroll")
    token = scene.token("payroll", scopes=PAYROLL)
    answer = await scene.legacy(
        "/mcp/payroll", token, None, method, {"protocolVersion": "2025-11-25", "capabilities": {}}
    )
    assert b"mcp-session-id" not in answer.headers
    assert scene.upstreams.arrived == []


@pytest.mark.parametrize("method", ["tools/list", "tools/call"])
async def test_the_shared_endpoint_shows_and_runs_nothing_of_another_tenant(method: str) -> None:
    scene = McpScene()
    scene.policy.permit("payroll/pay")
    token = scene.token(scopes=PAYROLL | {WholeServer("files")})
    answer = await scene.modern("/mcp", token, method, REQUESTS[method])
    assert "pay of payroll" not in answer.body.decode()
    assert scene.upstreams.arrived == []
    served = await scene.modern("/mcp", token, "tools/call", {"name": "read_file", "arguments": {}})
    assert "isError" not in served.json["result"]


@pytest.mark.parametrize(
    "header",
    [b"x-upstream-authorization", b"x-forwarded-user", b"x-remit-subject", b"x-mcp-tenant", b"cookie", b"forwarded"],
)
async def test_no_header_asks_for_trust_and_gets_it(header: bytes) -> None:
    """CVE-2026-110279 ContextForge: an inbound header overrode the broker's credential."""
    scene = McpScene()
    token = scene.token("files")
    call = {"name": "read_file", "arguments": {}}
    plain = await scene.modern("/mcp/files", token, "tools/call", call)
    asking = await scene.modern("/mcp/files", token, "tools/call", call, headers={header: b"Bearer administrator"})
    assert asking.body == plain.body
    assert "administrator" not in repr(scene.upstreams.arrived)
    assert "administrator" not in repr(scene.ledger.records)
    assert scene.upstreams.arrived[0].params == scene.upstreams.arrived[1].params


async def test_no_byte_of_the_token_goes_past_authentication() -> None:
    scene = McpScene()
    token = scene.token("files").removeprefix(b"Bearer ").decode()
    answer = await scene.modern(
        "/mcp/files", b"Bearer " + token.encode(), "tools/call", {"name": "read_file", "arguments": {}}
    )
    assert answer.status == 200
    assert token not in repr(scene.upstreams.arrived) + repr(scene.ledger.records) + repr(answer)
