"""What the catalog learns from servers of every era: probes, fallbacks, pages, and what is left out."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from remit.adapters.upstream.world import UpstreamLimits
from remit.core.catalog import Era, ItemKind, Tool, digest_of
from remit.core.errors import Outage
from remit.core.reasons import Reason
from remit.core.registration import Http
from remit.ports.upstream import Survey
from tests.peers.launch import everything
from tests.peers.raw_server import Got, ok, raw_server
from tests.scenes.upstream import a_config, http, stdio, upstreams

CHILD = str(Path(__file__).parents[1] / "peers" / "stdio_child.py")
Answers = dict[str, Any]


def serving(answers: Answers, *, refuse: bytes = b"404 Not Found") -> Callable[[Got], Awaitable[None]]:
    """Answers by method; a callable gets the params. Everything else is an error with the status given."""

    async def handle(got: Got) -> None:
        if got.method == b"DELETE" or "id" not in got.message:
            await got.send(ok(b""))
            return
        message = got.message
        answer = answers.get(message["method"])
        found = answer(message["params"]) if callable(answer) else answer
        if found is None:
            error = {"code": -32601, "message": "unknown"}
            await got.send(ok(orjson.dumps({"jsonrpc": "2.0", "id": got.id, "error": error}), status=refuse))
        else:
            await got.send(ok(orjson.dumps({"jsonrpc": "2.0", "id": got.id, "result": found})))

    return handle


def discovery(*capabilities: str) -> dict[str, Any]:
    return {
        "supportedVersions": ["2026-07-28"],
        "capabilities": {name: {} for name in capabilities},
        "resultType": "complete",
    }


def handshake(*capabilities: str, version: str = "2025-06-18") -> dict[str, Any]:
    server = {"name": "s", "version": "1"}
    return {"protocolVersion": version, "capabilities": {name: {} for name in capabilities}, "serverInfo": server}


def tool(name: str = "t", **schema: Any) -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object", **schema}}


async def survey(answers: Answers, *, refuse: bytes = b"404 Not Found") -> Survey:
    async with raw_server(serving(answers, refuse=refuse)) as server, upstreams(http(server.port)) as remit:
        return await asyncio.wait_for(remit.survey("peer", 5), 10)


# eras: G1 -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "eras"),
    [("modern", {Era.MODERN}), ("legacy", {Era.LEGACY}), ("dual", {Era.MODERN, Era.LEGACY})],
)
async def test_a_real_server_of_each_era_is_known_for_what_it_is(kind: Any, eras: set[Era]) -> None:
    """G1"""
    with everything(kind) as url:
        async with upstreams(a_config(Http(url))) as remit:
            found = await remit.survey("peer", 20)
            again = await remit.survey("peer", 20)
    assert found.eras == again.eras == eras
    assert len(found.items) == len(again.items) > 20
    assert found.problems == ()
    assert all(item.digest == digest_of(orjson.loads(item.definition)) for item in found.items)


@pytest.mark.parametrize("refuse", [b"400 Bad Request", b"404 Not Found", b"500 Oops", b"200 OK"])
async def test_any_error_to_the_modern_probe_falls_back_to_the_handshake(refuse: bytes) -> None:
    """G1: real legacy servers answer -32601, -32602 or 400 -32000; none of it is the deciding code."""
    found = await survey({"initialize": handshake("tools"), "tools/list": {"tools": [tool()]}}, refuse=refuse)
    assert found.eras == {Era.LEGACY}
    assert found.versions[Era.LEGACY] == ("2025-06-18", "2025-03-26", "2024-11-05")
    assert [item.name for item in found.items] == ["t"]


@pytest.mark.parametrize(("mode", "era"), [("legacy", Era.LEGACY), ("mute", Era.LEGACY), ("modern", Era.MODERN)])
async def test_over_stdio_an_error_and_silence_both_fall_back(mode: str, era: Era) -> None:
    """G1"""
    config = stdio(sys.executable, "-I", CHILD, environment={"MODE": mode})
    async with upstreams(config, UpstreamLimits()) as remit:
        found = await remit.survey("peer", 6)
    assert found.eras == {era}
    assert [item.name for item in found.items] == ["who"]


async def test_discovery_that_names_no_modern_version_is_a_legacy_advertisement() -> None:
    legacy = {**discovery("tools"), "supportedVersions": ["2025-11-25"]}
    found = await survey({"server/discover": legacy, "initialize": handshake()})
    assert found.eras == {Era.LEGACY}


async def test_a_server_that_answers_neither_is_an_outage() -> None:
    with pytest.raises(Outage) as caught:
        await survey({})
    assert caught.value.reason is Reason.UPSTREAM_INVALID


async def test_a_server_that_is_not_there_is_an_outage() -> None:
    async with raw_server(serving({})) as server:
        port = server.port
    async with upstreams(http(port)) as remit:
        with pytest.raises(Outage) as caught:
            await remit.survey("peer", 5)
    assert caught.value.reason is Reason.UPSTREAM_UNREACHABLE


async def test_a_server_that_never_finishes_is_an_outage_in_time() -> None:
    async def silent(got: Got) -> None:
        await got.reader.read()

    async with raw_server(silent) as server, upstreams(http(server.port)) as remit:
        with pytest.raises(Outage) as caught:
            await asyncio.wait_for(remit.survey("peer", 0.3), 5)
    assert caught.value.reason is Reason.UPSTREAM_TIMEOUT


# items ----------------------------------------------------------------------------------------------------------------
async def modern(tools: Any, **more: Any) -> Survey:
    listed = tools if callable(tools) else {"tools": tools}
    return await survey({"server/discover": discovery("tools", *more.pop("also", ())), "tools/list": listed, **more})


async def test_every_page_is_read_an_empty_cursor_included() -> None:
    """G10"""
    pages: dict[str | None, dict[str, Any]] = {
        None: {"tools": [tool("a")], "nextCursor": ""},
        "": {"tools": [tool("b")], "nextCursor": "x"},
        "x": {"tools": [tool("c")]},
    }
    found = await modern(lambda params: pages[params.get("cursor")])
    assert [item.name for item in found.items] == ["a", "b", "c"]


async def test_pages_that_never_end_are_cut_and_named() -> None:
    found = await modern(lambda _: {"tools": [tool("a")], "nextCursor": "same"})
    assert [item.name for item in found.items] == ["a"]
    assert any("pages do not end" in problem for problem in found.problems)


async def test_capabilities_are_declared_so_that_what_depends_on_them_shows() -> None:
    def listed(params: dict[str, Any]) -> dict[str, Any]:
        declared = params["_meta"]["io.modelcontextprotocol/clientCapabilities"]
        return {"tools": [tool(name) for name in ("sampling", "elicitation") if name in declared]}

    assert [item.name for item in (await modern(listed)).items] == ["sampling", "elicitation"]


async def test_definitions_are_kept_as_the_bytes_that_came() -> None:
    """G16"""
    raw = b'{ "name":"t","inputSchema":{"type":"object","$defs":{"A":{"$anchor":"a"}},"n":1.0}, "z":"\\u00e9" }'

    async def handle(got: Got) -> None:
        message = got.message
        if message["method"] == "tools/list":
            await got.send(ok(b'{"jsonrpc":"2.0","id":%d,"result":{"tools":[%b]}}' % (got.id, raw)))
        else:
            await serving({"server/discover": discovery("tools")})(got)

    async with raw_server(handle) as server, upstreams(http(server.port)) as remit:
        found = await remit.survey("peer", 5)
    assert [item.definition for item in found.items] == [raw]


NESTED = {"where": {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}}
BAD_HEADERS: list[dict[str, Any]] = [
    {"properties": {"a": {"type": "string", "x-mcp-header": "not a token"}}},
    {"properties": {"a": {"type": "string", "x-mcp-header": ""}}},
    {"properties": {"a": {"type": "string", "x-mcp-header": 5}}},
    {"properties": {"a": {"type": "number", "x-mcp-header": "A"}}},
    {"properties": {"a": {"x-mcp-header": "A"}}},
    {"properties": {k: {"type": "string", "x-mcp-header": h} for k, h in (("a", "Same"), ("b", "same"))}},
    {"properties": {"a": {"type": "array", "items": {"type": "string", "x-mcp-header": "A"}}}},
    {"anyOf": [{"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}]},
    {"$defs": {"d": {"type": "string", "x-mcp-header": "A"}}},
    {"x-mcp-header": "A"},
]


@pytest.mark.parametrize("schema", BAD_HEADERS)
async def test_a_tool_with_an_invalid_header_annotation_is_left_out_and_named(schema: dict[str, Any]) -> None:
    """G5"""
    found = await modern([tool("bad", **schema), tool("good", properties=NESTED)])
    assert [item.name for item in found.items] == ["good"]
    assert len(found.problems) == 1
    assert "'bad'" in found.problems[0]
    good = found.items[0]
    assert isinstance(good, Tool)
    assert good.header_arguments == {"region": "where/region"}


@pytest.mark.parametrize("name", ["", "a b", "x" * 129, "ä", "a/b", 5, None])
async def test_a_tool_whose_name_breaks_the_rule_is_left_out_and_named(name: Any) -> None:
    """G4"""
    found = await modern([{**tool(), "name": name}, tool("x" * 128)])
    assert [item.name for item in found.items] == ["x" * 128]
    assert len(found.problems) == 1


async def test_a_tool_listed_twice_is_kept_once() -> None:
    found = await modern([tool("a"), tool("a", description="other")])
    assert len(found.items) == 1
    assert "twice" in found.problems[0]


async def test_every_kind_is_listed_that_the_server_declares() -> None:
    found = await modern(
        [tool("t")],
        also=("resources", "prompts"),
        **{
            "resources/list": {"resources": [{"uri": "a:b", "name": "r"}]},
            "resources/templates/list": {"resourceTemplates": [{"uriTemplate": "a:{b}", "name": "r"}]},
            "prompts/list": {"prompts": [{"name": "p"}]},
        },
    )
    assert {(item.kind, item.name) for item in found.items} == {
        (ItemKind.TOOL, "t"),
        (ItemKind.RESOURCE, "a:b"),
        (ItemKind.TEMPLATE, "a:{b}"),
        (ItemKind.PROMPT, "p"),
    }


async def test_half_a_survey_is_none_because_what_is_missing_would_seem_removed() -> None:
    with pytest.raises(Outage):
        await modern([tool("t")], also=("prompts",))


@pytest.mark.parametrize("page", [{}, {"tools": {}}, {"tools": [5]}, {"tools": [], "nextCursor": 5}])
async def test_a_page_that_is_not_a_page_is_an_outage(page: dict[str, Any]) -> None:
    with pytest.raises(Outage):
        await modern(lambda _: page)


async def test_a_definition_too_deep_to_hash_is_left_out_and_named() -> None:
    deep = b'{"name":"deep","inputSchema":{"type":"object"},"x":' + b"[" * 900 + b"]" * 900 + b"}"
    good = b'{"name":"good","inputSchema":{"type":"object"}}'

    async def handle(got: Got) -> None:
        if got.message["method"] == "tools/list":
            await got.send(ok(b'{"jsonrpc":"2.0","id":%d,"result":{"tools":[%b,%b]}}' % (got.id, deep, good)))
        else:
            await serving({"server/discover": discovery("tools")})(got)

    async with raw_server(handle) as server, upstreams(http(server.port)) as remit:
        found = await remit.survey("peer", 5)
    assert "good" in [item.name for item in found.items]
    assert len(found.items) + len(found.problems) == 2
