"""The small MCP client, against servers of each era that say exactly what a test wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from remit.cli import mcp_client
from remit.cli.mcp_client import McpClient, Reply
from remit.cli.output import CommandFailed, Exit
from remit.core.secret import Secret

Said = tuple[int, Mapping[str, str], bytes]
Script = Callable[[str, Mapping[str, str], dict[str, Any]], Said]
RESULT = {"content": [{"type": "text", "text": "done"}]}


def answered(message: dict[str, Any], status: int = 200, **member: Any) -> Said:
    body = json.dumps({"jsonrpc": "2.0", "id": message.get("id"), **member}).encode()
    return status, {"Content-Type": "application/json"}, body


@contextmanager
def serving(script: Script) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.say(script("POST", {k.lower(): v for k, v in self.headers.items()}, json.loads(body)))

        def do_DELETE(self) -> None:
            self.say(script("DELETE", {k.lower(): v for k, v in self.headers.items()}, {}))

        def say(self, said: Said) -> None:
            status, headers, body = said
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/mcp/files"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def called(script: Script, **arguments: Any) -> Reply:
    with serving(script) as url:
        return McpClient(url, Secret(b"token"), deadline_s=5).call("write", arguments)


def test_a_modern_server_is_asked_once_with_routing_headers() -> None:
    seen: list[tuple[Mapping[str, str], dict[str, Any]]] = []

    def script(verb: str, headers: Mapping[str, str], message: dict[str, Any]) -> Said:
        seen.append((headers, message))
        return answered(message, result=RESULT)

    assert called(script, path="/x").result == RESULT
    ((headers, message),) = seen
    assert (headers["mcp-method"], headers["mcp-name"], headers["mcp-protocol-version"]) == (
        "tools/call",
        "write",
        "2026-07-28",
    )
    assert headers["authorization"] == "Bearer token"
    assert message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] == {}


def legacy(seen: list[str], refusal: Callable[[dict[str, Any]], Said]) -> Script:
    def script(verb: str, headers: Mapping[str, str], message: dict[str, Any]) -> Said:
        method = str(message.get("method", verb))
        seen.append(method)
        if method == "initialize":
            status, types, body = answered(message, result={"protocolVersion": "2025-11-25"})
            return status, {**types, "Mcp-Session-Id": "s1"}, body
        if headers.get("mcp-session-id") != "s1":
            return refusal(message)
        if method == "tools/call":
            events = b': hello\n\ndata: {"jsonrpc":"2.0","method":"notifications/progress"}\n\n'
            data = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": RESULT}).encode()
            return 200, {"Content-Type": "text/event-stream"}, events + b"event: message\ndata: " + data + b"\n\n"
        return 202, {}, b""

    return script


@pytest.mark.parametrize(
    "refusal",
    [
        lambda message: answered(
            message, 400, error={"code": -32022, "message": "", "data": {"supported": ["2025-11-25"]}}
        ),
        lambda message: answered(message, 400, error={"code": -32000, "message": "Server not initialized"}),
        lambda _: (404, {}, b"not here"),
    ],
)
def test_a_legacy_server_gets_the_whole_handshake_and_its_stream_is_read(refusal: Any) -> None:
    """G1: fall back on a recognised version error, and on what no modern server says."""
    seen: list[str] = []
    assert called(legacy(seen, refusal)).result == RESULT
    assert seen == ["tools/call", "initialize", "notifications/initialized", "tools/call", "DELETE"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"code": -32602, "message": "unknown tool"}),
        (404, {"code": -32601, "message": "no such method"}),
        (400, {"code": -32022, "message": "", "data": {"supported": ["2027-01-01"]}}),
        (502, {"code": -31003, "message": "", "data": {"io.remit/decision": {"reason": "upstream_unreachable"}}}),
        (504, {"code": -31003, "message": "", "data": {"io.remit/outage": {"reason": "upstream_timeout"}}}),
        (401, {"code": -31002, "message": "an access token is required"}),
    ],
)
def test_a_modern_refusal_stands(status: int, error: dict[str, Any]) -> None:
    seen: list[str] = []

    def script(verb: str, headers: Mapping[str, str], message: dict[str, Any]) -> Said:
        seen.append(message["method"])
        return answered(message, status, error=error)

    assert called(script).error == error
    assert seen == ["tools/call"]


MARKED = {
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "n": {"type": "integer", "x-mcp-header": "N"},
        "where": {"properties": {"a/b": {"type": "string", "x-mcp-header": "Zone"}}},
        "unused": {"type": "string", "x-mcp-header": "Unused"},
    }
}


def wanting_headers(schema: object, wanted: Mapping[str, str]) -> Script:
    """A server that refuses any call without exactly these `Mcp-Param-*` headers."""

    def script(verb: str, headers: Mapping[str, str], message: dict[str, Any]) -> Said:
        if message["method"] == "tools/list":
            return answered(message, result={"tools": [{"name": "write", "inputSchema": schema}]})
        found = {name: value for name, value in headers.items() if name.startswith("mcp-param-")}
        if found != wanted:
            return answered(message, 400, error={"code": -32020, "message": f"header {found}"})
        return answered(message, result=RESULT)

    return script


def test_arguments_wanted_in_headers_are_looked_up_and_sent_however_deep_they_lie() -> None:
    wanted = {"mcp-param-region": "=?base64?WsO8cmljaA==?=", "mcp-param-n": "3", "mcp-param-zone": "1 a"}
    script = wanting_headers(MARKED, wanted)
    assert called(script, region="Zürich", n=3, where={"a/b": "1 a"}, unused=None).result == RESULT


def test_text_that_is_no_utf_8_is_sent_and_the_server_s_answer_stands() -> None:
    """What a terminal's odd bytes become in Python cannot be encoded strictly."""
    wanted = {"mcp-param-region": "=?base64?7bO/?="}
    assert called(wanting_headers(MARKED, wanted), region="\udcff").result == RESULT


@pytest.mark.parametrize("schema", [None, [], {"properties": {"region": {"x-mcp-header": "no token"}}}])
def test_the_refusal_stands_when_the_schema_does_not_say_which_headers(schema: object) -> None:
    assert (called(wanting_headers(schema, {"mcp-param-region": "eu"}), region="eu").error or {})["code"] == -32020


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_stream_is_read_whatever_ends_its_lines(end: bytes) -> None:
    def script(verb: str, headers: Mapping[str, str], message: dict[str, Any]) -> Said:
        before = {"jsonrpc": "2.0", "method": "notifications/progress"}
        reply = {"jsonrpc": "2.0", "id": message["id"], "result": RESULT}
        lines = [b": hello", b"", b"data: %b" % json.dumps(before).encode(), b"", b"id: 7"]
        lines += [b"data:%b" % line.encode() for line in json.dumps(reply, indent=1).splitlines()]
        return 200, {"Content-Type": "text/event-stream"}, end.join([*lines, b"", b""])

    assert called(script).result == RESULT


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
def test_an_answer_beyond_the_limit_is_said_to_be_too_large(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mcp_client, "REPLY_BYTES_MAX", 1000)

    def script(size: int) -> Script:
        def said(verb: str, headers: Mapping[str, str], message: dict[str, Any]) -> Said:
            reply = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": RESULT}).encode()
            body = (b": x\n" * 250 + b"data: %b\n\n" % reply)[-size:] if kind.startswith("text") else reply.rjust(size)
            return 200, {"Content-Type": kind}, body

        return said

    assert called(script(1000)).result == RESULT
    with pytest.raises(CommandFailed, match="larger than 1000 bytes"):
        called(script(1001))


def test_nobody_there_is_unreachable() -> None:
    with serving(lambda *_: (200, {}, b"")) as url:
        pass
    with pytest.raises(CommandFailed) as failed:
        McpClient(url, Secret(b"token"), deadline_s=5).call("write", {})
    assert failed.value.code is Exit.UNREACHABLE
    assert failed.value.detail == "Connection refused"


@pytest.mark.parametrize("body", [b"<html>welcome", b"[" * 200_000])
def test_an_answer_that_is_no_json_rpc_is_an_error_not_a_result(body: bytes) -> None:
    reply = called(lambda *_: (200, {"Content-Type": "text/html"}, body))
    assert reply.result is None
    assert reply.error is not None
