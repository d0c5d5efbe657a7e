"""CVE-2026-48710 "BadHost" (Starlette: Host poisons the URL that authorization looks at), CVE-2025-64443,
CVE-2025-66414, CVE-2025-66416 and CVE-2026-34742 (DNS rebinding of local gateways and SDKs): a foreign Host or Origin
is refused, and a path is its bytes.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from remit.surfaces.mcp.asgi import AsgiBridge, SideLoop
from remit.surfaces.oauth.app import Flows, oauth_app
from tests.attack.scene import CALL, Door, Gains, expect_served
from tests.scenes.mcp import URL, McpScene, modern_request
from tests.scenes.responder import FakeResponder

OWN = b"127.0.0.1:8700"
HOSTS = [
    b"evil.test", b"evil.test:8700", b"127.0.0.1:8700/?x=", b"127.0.0.1:8700@evil.test", b"evil.test@127.0.0.1:8700",
    b"127.0.0.1:8700#", b"127.0.0.1.evil.test:8700", b"127.0.0.1:08700", b"127.0.0.1:8700.", b"0.0.0.0:8700",
    b"[::1]:8700", b"a/?x=", b"", b"127.0.0.1", b"127.0.0.1:8700, evil.test",
]  # fmt: skip
ORIGINS = [b"http://evil.test", b"null", b"http://127.0.0.1:8700.evil.test", b"https://127.0.0.1:8700", b"file://"]
# Each would be /mcp/files, or a page that needs no token, to somebody who decodes, folds or normalises.
PATHS = [
    b"//mcp/files", b"/mcp//files", b"/mcp/./files", b"/mcp/x/../files", b"/mcp/%66iles", b"/mcp/files/", b"/MCP/files",
    b"/mcp/files%00", b"/mcp/files;x", b"/%6dcp/files", b"/healthz/../mcp/files", b"/token/../mcp/files", b"@127/mcp",
    b"/.well-known/../mcp/files", b"/mcp%2ffiles", b"/mcp/files#x", b"\\mcp\\files", b"/mcp/Files", b"/mcp/files%20",
]  # fmt: skip


async def rebinding(_: Path) -> Gains:
    """A page in the victim's browser asks, with the victim's token, under a name or from an origin that is not ours."""
    scene = McpScene()
    token = scene.token("files")
    tries: list[dict[bytes, bytes | None]] = [{b"host": host} for host in HOSTS]
    tries += [{b"origin": origin} for origin in ORIGINS]
    gains: Gains = []
    for headers in tries:
        answer = await scene.modern("/mcp/files", token, "tools/call", CALL, headers=headers)
        if answer.status not in (403, 421):
            gains.append(f"{headers} was answered {answer.status}")
    gains += ["a server was reached"] * len(scene.upstreams.arrived)
    await expect_served(scene, "/mcp/files", token, headers={b"origin": b"http://" + OWN})
    return gains


async def paths_that_mean_another(_: Path) -> Gains:
    """With and without the token of the endpoint the path would mean to a laxer reader."""
    scene = McpScene()
    door, token = Door(scene), scene.token("files")
    gains: Gains = []
    for path in PATHS:
        for presented in (token, None):
            body, headers = modern_request(token, "tools/call", CALL, headers={b"authorization": presented})
            answer = await door.ask(path, headers, body)
            if answer.status not in (401, 404):
                gains.append(f"{path!r} was answered {answer.status}")
    gains += ["a server was reached"] * len(scene.upstreams.arrived)
    body, headers = modern_request(token, "tools/call", CALL)
    assert (await door.ask(b"/mcp/files?/healthz", headers, body)).status == 200
    return gains


async def test_a_foreign_host_or_origin_is_refused_although_the_token_is_good() -> None:
    assert await rebinding(Path()) == []


async def test_a_path_means_only_what_its_bytes_say() -> None:
    assert await paths_that_mean_another(Path()) == []


async def test_no_page_takes_our_name_from_a_header() -> None:
    """What a client learns about where to send its credentials never comes from whoever asked."""

    async def nobody(_: object) -> None:
        raise AssertionError("no token was asked for")

    app = oauth_app(issuer=URL, flows=Flows(*[nobody] * 6), public_keys=dict)  # type: ignore[arg-type]
    side = SideLoop()
    try:
        bridge = AsgiBridge(app, side, scheme="http", server=("127.0.0.1", 8700))
        for page in ("oauth-protected-resource", "oauth-protected-resource/mcp/files", "oauth-authorization-server"):
            request = McpScene().http(f"/.well-known/{page}", b"", {b"host": b"evil.test/?x="}, b"GET")
            request.headers += [(b"x-forwarded-host", b"evil.test"), (b"forwarded", b"host=evil.test")]
            answer = FakeResponder()
            await bridge(request, answer)
            assert answer.status == 200
            assert URL.encode() in answer.body
            assert b"evil.test" not in answer.body + b"".join(answer.headers.values())
    finally:
        side.stop()


def test_the_web_framework_is_a_version_without_the_flaw() -> None:
    assert tuple(map(int, version("starlette").split(".")[:2])) >= (1, 3)
