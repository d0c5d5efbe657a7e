"""CVE-2026-101084, GO-2026-6522, GO-2026-6525 (obot: ACL skipped on another route, open registry), CVE-2026-14537
(mcp-toolbox: the legacy route skipped scopes), Asana (June 2025: one tenant saw another's data): every method on every
route in both eras, with a grant of another tenant.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from remit.adapters.sealer.aead import AeadSealer
from remit.core.catalog import Era, ItemKind
from remit.core.errors import Invalid
from remit.core.scope import WholeServer
from remit.core.secret import Secret
from remit.flows import explain
from remit.surfaces.mcp.asgi import AsgiBridge, SideLoop
from remit.surfaces.oauth import app
from remit.testing.clock import FakeEntropy
from remit.testing.records import FakeRecords
from remit.wire.revisions import LEGACY_METHODS, MODERN_METHODS
from tests.attack.scene import Gains, expect_served
from tests.scenes.mcp import FILES, GIT, LEGACY, PAYROLL, URL, McpScene, item, legacy_request, server
from tests.scenes.responder import FakeResponder

NAMED: dict[str, dict[str, Any]] = {
    "tools/call": {"name": "pay", "arguments": {}},
    "resources/read": {"uri": "payroll://people"},
    "resources/subscribe": {"uri": "payroll://people"},
    "resources/unsubscribe": {"uri": "payroll://people"},
    "prompts/get": {"name": "pay"},
    "completion/complete": {"ref": {"type": "ref/prompt", "name": "pay"}, "argument": {"name": "a", "value": ""}},
    "subscriptions/listen": {"notifications": {"resourceSubscriptions": ["payroll://people"]}},
    "initialize": {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}},
}
EVERYTHING = frozenset({WholeServer("files"), WholeServer("git"), WholeServer("payroll")})


def a_scene() -> McpScene:
    """Policy permits everything, so that only the tenant stands between the attacker and the server."""
    scene = McpScene(sealer=AeadSealer([Secret(b"k" * 32)], FakeEntropy()))
    for action in ("payroll/pay", *MODERN_METHODS, *LEGACY_METHODS):
        scene.policy.permit(action)
    return scene


async def asks(scene: McpScene, path: str, token: bytes, method: str, gains: Gains) -> None:
    """One method in both eras; the legacy one with a session where a session can be had."""
    modern = await scene.modern(path, token, method, NAMED.get(method))
    said = modern.body + b"".join(modern.frames)
    if method != "initialize":
        _, headers = legacy_request(token, None, "ping")
        if path == "/mcp":
            headers[b"mcp-session-id"] = await scene.open_session(path, token)
        body, _ = legacy_request(token, None, method, NAMED.get(method))
        legacy = await scene.send(path, body, headers)
    else:
        legacy = await scene.legacy(path, token, None, method, NAMED[method])
    said += legacy.body + b"".join(legacy.frames)
    if b"pay of payroll" in said:
        gains.append(f"{method} at {path} told of the other tenant's tool")


async def every_route_of_another_tenant(_: Path) -> Gains:
    """The grant even names the foreign server in its scopes: the tenant alone must be enough."""
    scene = a_scene()
    gains: Gains = []
    for path, name in (("/mcp", ""), ("/mcp/payroll", "payroll")):
        token = scene.token(name, scopes=EVERYTHING)
        for method in sorted(MODERN_METHODS | LEGACY_METHODS):
            if not (method == "subscriptions/listen" and not name):  # its own test: it stays open
                await asks(scene, path, token, method, gains)
    gains += [f"{found.request.method} reached {found.server}" for found in scene.upstreams.arrived
              if found.server == "payroll"]  # fmt: skip
    gains += ["the other tenant's server was told something" for server, _ in scene.upstreams.notified]
    await expect_served(scene, "/mcp/files", scene.token("files", scopes=EVERYTHING))
    return gains


def shape(scene: McpScene, answer: Any, name: str) -> str:
    """An answer without what differs between any two answers."""
    document = orjson.dumps(answer.json).decode().replace(name, "NAME")
    decision_id = scene.ledger.records[-1]["id"] if scene.ledger.records else ""
    return f"{answer.status} {document.replace(decision_id, 'ID')}"


async def is_there_a_tool(_: Path) -> Gains:
    """Whether another tenant has a tool must not be told by a difference between two refusals."""
    gains: Gains = []
    legacy_only = replace(PAYROLL, eras=frozenset({Era.LEGACY}))
    twice = server("bonus", item("bonus", ItemKind.TOOL, "pay"), tenant="globex")
    for theirs in ((PAYROLL,), (legacy_only,), (PAYROLL, twice)):
        scene = a_scene()
        await scene.change_catalog(FILES, GIT, *theirs)
        token = scene.token(scopes=EVERYTHING)
        told = []
        for name in ("pay", "xyz"):  # the other tenant's, and nobody's
            answer = await scene.modern("/mcp", token, "tools/call", {"name": name, "arguments": {}})
            told.append(shape(scene, answer, name))
        if told[0] != told[1]:
            gains.append(f"{told[0]} differs from {told[1]}")
        await expect_served(scene, "/mcp", token)
    return gains


async def another_tenant_s_evidence(_: Path) -> Gains:
    """An auditor of globex reads the ledger after acme worked: not even that something ran, or how it ended."""
    scene = McpScene()
    await expect_served(scene, "/mcp/files", scene.token("files"))
    await scene.modern("/mcp/files", scene.token("files"), "tools/call", {"name": "delete_file", "arguments": {}})
    await scene.modern("/mcp/files", scene.token("files"), "tools/list")
    records = scene.ledger.records
    assert {record["kind"] for record in records} == {"intent", "outcome", "denial", "listing"}
    gains = [f"saw {record['kind']}" for record in records if explain.visible(record, frozenset({"globex"}))]
    for record in records:
        with contextlib.suppress(Invalid):
            story = await explain.explain(FakeRecords(records), record["id"], frozenset({"globex"}))
            gains.append(f"was told {story['kind']}")
    assert all(explain.visible(record, frozenset({"acme"})) for record in records)
    return gains


async def guessing_server_names(_: Path) -> Gains:
    """A stranger without a token: a server that exists and one that does not must answer alike, on every page."""
    scene = a_scene()

    async def nobody(request: object) -> None:
        raise AssertionError(f"no token was asked for: {request}")

    pages = app.oauth_app(issuer=URL, flows=app.Flows(*[nobody] * 6), public_keys=dict)  # type: ignore[arg-type]
    side = SideLoop()
    try:
        bridge = AsgiBridge(pages, side, scheme="http", server=("127.0.0.1", 8700))
        told: dict[str, list[tuple[int, bytes, str]]] = {}
        for name in ("files", "payroll", "xyz"):
            page = FakeResponder()
            await bridge(scene.http(f"/.well-known/oauth-protected-resource/mcp/{name}", b"", {}, b"GET"), page)
            door = await scene.modern(f"/mcp/{name}", b"", "tools/list", headers={b"authorization": None})
            told[name] = [
                (answer.status, answer.body.replace(name.encode(), b"NAME"), str(answer.headers).replace(name, "NAME"))
                for answer in (page, door)
            ]
    finally:
        side.stop()
    await expect_served(scene, "/mcp/files", scene.token("files"))
    return [f"{name} looks different from none" for name in ("files", "payroll") if told[name] != told["xyz"]]


async def test_no_page_tells_a_stranger_which_servers_exist() -> None:
    assert await guessing_server_names(Path()) == []


async def test_no_method_on_any_route_reaches_another_tenant() -> None:
    assert await every_route_of_another_tenant(Path()) == []


async def test_no_record_of_another_tenant_is_seen() -> None:
    assert await another_tenant_s_evidence(Path()) == []


async def test_another_tenant_s_tool_looks_like_none() -> None:
    assert await is_there_a_tool(Path()) == []
