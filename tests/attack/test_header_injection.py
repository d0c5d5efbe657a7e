"""GHSA-v2x6-wwfw-r2rq (agentgateway: path, query and header injection on the way to a server): a tool's name, its
arguments and the client's own parameters may put nothing into the request but themselves.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

from remit.core.catalog import ItemKind, Tool
from tests.attack.scene import Gains, expect_served, wired
from tests.peers.raw_server import Got, ok, result
from tests.scenes.mcp import FILES, with_items

EVIL = "a\r\nx-evil: yes\r\n\r\nPOST /admin HTTP/1.1\r\nhost: evil"
TRICKS = [EVIL, "a\nx-evil: yes", "\r\n\r\n", "../../admin", "?admin=1", "%0d%0ax-evil: yes", " x ", "=?base64?eA==?="]


async def answer_anything(got: Got) -> None:
    """Also a request that was cut in two on its way."""
    await got.send(ok(result(got.id)) if got.body.startswith(b"{") else ok(b"{}", status=b"400 Bad Request"))


async def values_that_break_out(_: Path) -> Gains:
    """Through an argument the tool declares as a header, and through the name in `Mcp-Name`."""
    async with wired(answer_anything) as (scene, server):
        region = Tool(ItemKind.TOOL, "files", "query", b'{"name":"query"}', "d", validate=lambda arguments: None,
                      header_arguments={"region": "region"})  # fmt: skip
        prompt = replace(FILES.items[ItemKind.PROMPT, "summarise"], name=EVIL)
        await scene.change_catalog(with_items(FILES, *FILES.items.values(), region, prompt))
        scene.policy.permit("files/query")
        token = scene.token("files")
        for trick in TRICKS:
            mirrored = encoded(trick)
            call = {"name": "query", "arguments": {"region": trick}}
            await scene.modern("/mcp/files", token, "tools/call", call, headers={b"mcp-param-region": mirrored})
        await scene.modern("/mcp/files", token, "prompts/get", {"name": EVIL}, headers={b"mcp-name": encoded(EVIL)})
        gains: Gains = []
        for got in server.got:
            if b"\r\nx-evil:" in got.head.lower() or not got.head.startswith(b"POST /mcp HTTP/1.1\r\n"):
                gains.append(f"the server read {got.head!r}")
            if got.head.count(b"\r\nhost: ") != 1:
                gains.append("the server saw another host")
        if not gains:
            assert len(server.got) == len(TRICKS) + 1
            said = [got.message["params"]["arguments"]["region"] for got in server.got[:-1]]
            assert said == TRICKS
        honest = {"name": "query", "arguments": {"region": "eu-west-1"}}
        await expect_served(scene, "/mcp/files", token, honest, headers={b"mcp-param-region": b"eu-west-1"})
        return gains


def encoded(text: str) -> bytes:
    return b"=?base64?%b?=" % base64.b64encode(text.encode())


async def test_no_value_breaks_out_of_its_place() -> None:
    assert await values_that_break_out(Path()) == []
