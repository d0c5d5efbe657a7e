"""Token passthrough (MCP security best practices; MCP01:2025): no byte of an inbound token on a server's socket, in a
log, an answer or the ledger. A real server keeps every byte it gets; `test_real_process.py` repeats it with files.
"""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.attack.scene import CALL, Gains, expect_served, wire, wired


async def where_the_token_goes(_: Path) -> Gains:
    """Looked for whole, and in the pieces a careless log would keep."""
    log: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: log.append(repr(record.__dict__))  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        async with wired() as (scene, server):
            bearer = scene.token("files")
            token = bearer.removeprefix(b"Bearer ")
            await expect_served(scene, "/mcp/files", bearer)
            denied = await scene.modern("/mcp/files", bearer, "tools/call", {"name": "delete_file", "arguments": {}})
            unknown = await scene.modern("/mcp/files", bearer, "tools/call", {"name": "xyz", "arguments": {}})
            wrong = await scene.modern("/mcp/git", bearer, "tools/call", CALL)
            answers = b"".join(answer.body + repr(answer.headers).encode() for answer in (denied, unknown, wrong))
            places = {"a server": wire(server), "an answer": answers, "the ledger": b"".join(scene.ledger.lines),
                      "a log": "".join(log).encode()}  # fmt: skip
            assert server.got
            return [f"{place} holds the token" for place, content in places.items() if token in content]
    finally:
        logging.getLogger().removeHandler(handler)


async def test_no_byte_of_the_token_leaves() -> None:
    assert await where_the_token_goes(Path()) == []


@pytest.mark.parametrize("place", ["query", "body", "meta"])
async def test_a_token_in_another_place_than_the_header_is_no_token(place: str) -> None:
    async with wired() as (scene, server):
        bearer = scene.token("files")
        text = bearer.decode()
        call = CALL | ({"access_token": text} if place == "body" else {"_meta": {"authorization": text}})
        path = f"/mcp/files?access_token={text}" if place == "query" else "/mcp/files"
        answer = await scene.modern(path, b"", "tools/call", call, headers={b"authorization": None})
        assert answer.status in (401, 404)
        assert server.got == []
        await expect_served(scene, "/mcp/files", bearer)
