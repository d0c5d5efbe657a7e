"""A small MCP client for `remit call`: one tool call over Streamable HTTP, of whichever era the server speaks.

It asks in the modern way first (2026-07-28). Only a recognised modern error sends it to the legacy handshake, and only
when that error says which legacy versions there are, or the answer cannot come from a modern server.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from remit import __version__
from remit.cli.output import CommandFailed, Exit
from remit.cli.terminal import cause
from remit.core.reasons import DECISION, OUTAGE
from remit.core.secret import Secret
from remit.wire.events import EventReader
from remit.wire.headers import encode_value, mirrored
from remit.wire.revisions import LEGACY_LATEST, META_CAPABILITIES, META_CLIENT, META_VERSION, MODERN_VERSIONS
from remit.wire.tool_headers import InvalidHeader, header_arguments

MODERN = MODERN_VERSIONS[-1]
LEGACY = (LEGACY_LATEST, "2025-06-18")
HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_VERSION = -32020, -32021, -32022
NO_ANSWER = 0  # no code of JSON-RPC
REPLY_BYTES_MAX = 64 * 1024 * 1024
CLIENT = {"name": "remit-call", "version": __version__}


@dataclass(frozen=True, slots=True)
class Reply:
    """The final JSON-RPC answer. Exactly one of `result` and `error` is there; `challenge` is WWW-Authenticate."""

    status: int
    result: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    session: str = ""
    challenge: str = ""


class McpClient:
    """One endpoint and one token. Raises `CommandFailed` (unreachable) when nobody answers in MCP."""

    def __init__(self, url: str, token: Secret, *, deadline_s: float = 320.0) -> None:
        self._url = urlsplit(url)
        self._token = token
        self._deadline_s = deadline_s
        self._next_id = 0

    def call(self, tool: str, arguments: Mapping[str, Any]) -> Reply:
        """Call one tool. The reply of the era that fits, whatever it says."""
        reply = self._modern_call(tool, arguments, {})
        code = (reply.error or {}).get("code")
        if code == HEADER_MISMATCH:
            return self._with_mirrored_arguments(tool, arguments, reply)
        version = _legacy_version(reply)
        return reply if version is None else self._legacy(version, tool, arguments)

    def _modern_call(self, tool: str, arguments: Mapping[str, Any], declared: Mapping[str, str]) -> Reply:
        headers = {b"mcp-name": encode_value(tool), **mirrored(declared, arguments)}
        sent = {name.decode(): value.decode() for name, value in headers.items()}
        return self._modern("tools/call", {"name": tool, "arguments": arguments}, sent)

    def _modern(self, method: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
        meta = {
            META_VERSION: MODERN,
            META_CAPABILITIES: {},
            META_CLIENT: CLIENT,
        }
        routed = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method, **headers}
        return self._request(method, {**params, "_meta": meta}, routed)

    def _with_mirrored_arguments(self, tool: str, arguments: Mapping[str, Any], refused: Reply) -> Reply:
        """Some tools want arguments repeated in headers (`x-mcp-header`): look up which, and ask again."""
        for found in self._tools():
            if found.get("name") == tool:
                try:
                    declared = header_arguments(found.get("inputSchema"))
                except InvalidHeader:
                    return refused  # which headers are meant nobody can know
                return self._modern_call(tool, arguments, declared)
        return refused

    def _tools(self) -> Iterator[Mapping[str, Any]]:
        cursor: str | None = None
        while True:
            listed = self._modern("tools/list", {} if cursor is None else {"cursor": cursor}, {}).result or {}
            yield from listed.get("tools", [])
            cursor = listed.get("nextCursor")
            if cursor is None:
                return

    def _legacy(self, version: str, tool: str, arguments: Mapping[str, Any]) -> Reply:
        opened = self._request("initialize", {"protocolVersion": version, "capabilities": {}, "clientInfo": CLIENT}, {})
        if opened.result is None:
            return opened
        headers = {"MCP-Protocol-Version": str(opened.result.get("protocolVersion", version))}
        if opened.session:
            headers["Mcp-Session-Id"] = opened.session
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"}, headers)
        try:
            return self._request("tools/call", {"name": tool, "arguments": arguments}, headers)
        finally:
            if opened.session:
                self._close(headers)

    def _request(self, method: str, params: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
        self._next_id += 1
        message = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        return self._send(message, headers)

    def _send(self, message: Mapping[str, Any], headers: Mapping[str, str]) -> Reply:
        connection = self._connect()
        try:
            connection.request("POST", self._url.path, json.dumps(message).encode(), self._headers(headers))
            response = connection.getresponse()
            return _reply(response, message.get("id"), self._url.geturl())
        except (OSError, http.client.HTTPException) as problem:
            raise _unreachable(self._url.geturl(), problem) from None
        finally:
            connection.close()

    def _close(self, headers: Mapping[str, str]) -> None:
        connection = self._connect()
        try:
            connection.request("DELETE", self._url.path, headers=self._headers(headers))
            connection.getresponse().read(REPLY_BYTES_MAX)
        except (OSError, http.client.HTTPException) as problem:
            raise _unreachable(self._url.geturl(), problem) from None
        finally:
            connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._url.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self._deadline_s, context=context)
        return http.client.HTTPConnection(host, port, timeout=self._deadline_s)

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._token.expose().decode()}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            **more,
        }


def _unreachable(url: str, problem: Exception) -> CommandFailed:
    return CommandFailed(
        Exit.UNREACHABLE, f"no answer from {url}", detail=cause(problem), next_step="remit doctor", reason="unreachable"
    )


def _legacy_version(reply: Reply) -> str | None:
    """The legacy version to fall back to, or None when the modern answer stands."""
    if reply.error is None or reply.status < 400 or reply.status in (401, 403):
        return None
    code, data = reply.error.get("code"), reply.error.get("data")
    if code == UNSUPPORTED_VERSION:
        supported = data.get("supported", []) if isinstance(data, dict) else []
        return next((version for version in LEGACY if version in supported), None)
    recognised = (MISSING_CAPABILITY, HEADER_MISMATCH, -32601, -32602)
    return None if code in recognised or _is_ours(data) else LEGACY[0]


def _is_ours(data: object) -> bool:
    """Whether Remit itself refused or failed: asking again in another era could run a tool twice."""
    return isinstance(data, dict) and not data.keys().isdisjoint((DECISION, OUTAGE))


def _reply(response: http.client.HTTPResponse, id: object, url: str) -> Reply:
    session = response.getheader("Mcp-Session-Id") or ""
    challenge = response.getheader("WWW-Authenticate") or ""
    for text in _messages(response, url):
        message = _json(text)
        if isinstance(message, dict) and "method" not in message and message.get("id") in (id, None):
            return Reply(response.status, message.get("result"), message.get("error"), session, challenge)
    if response.status in (202, 204):
        return Reply(response.status, session=session)
    nothing = {"code": NO_ANSWER, "message": f"HTTP {response.status} without a JSON-RPC answer"}
    return Reply(response.status, None, nothing, session, challenge)


def _json(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _messages(response: http.client.HTTPResponse, url: str) -> Iterator[bytes]:
    """The JSON-RPC messages of a response, as they come. Raises `CommandFailed` when it is too large in all."""
    kind = (response.getheader("Content-Type") or "").partition(";")[0].strip().lower()
    reader = EventReader(REPLY_BYTES_MAX) if kind == "text/event-stream" else None
    read, left = response.read1 if reader is not None else response.read, REPLY_BYTES_MAX
    while part := read(left + 1):
        left -= len(part)
        if left < 0:
            raise _too_large(url)
        if reader is None:
            yield part
        else:
            yield from (event.data for event in reader.feed(part))


def _too_large(url: str) -> CommandFailed:
    return CommandFailed(
        Exit.UNREACHABLE,
        f"the answer from {url} is larger than {REPLY_BYTES_MAX} bytes",
        next_step="ask the tool for less; it may have run",
        reason="too_large",
    )
