"""JSON-RPC as it is sent to servers and read from them. Their bytes are kept; only our ids are taken off."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec
import orjson

from remit.core.catalog import Tool
from remit.core.errors import Refusal, refuse
from remit.core.ledger import OutcomeStatus
from remit.core.reasons import Reason
from remit.core.request import McpRequest
from remit.ports.upstream import Reply
from remit.wire.headers import encode_value, is_plain, mirrored
from remit.wire.jsonrpc import one_line
from remit.wire.revisions import NAMED_BY

_ABSENT: Final = msgspec.Raw()


class IdCounter:
    """Our JSON-RPC ids upstream: one counter for all servers, which starts elsewhere after each restart, so that an
    answer meant for an earlier life fits no request of this one (G22b). Below 2**53, which every JSON reader keeps."""

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = int.from_bytes(os.urandom(5), "big") << 12

    def take(self) -> int:
        self._next += 1
        return self._next


class Received(msgspec.Struct):
    """Any message from a server. Members that matter stay raw."""

    id: msgspec.Raw = _ABSENT
    method: str = ""
    params: msgspec.Raw = _ABSENT
    result: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


class _Flags(msgspec.Struct):
    isError: Any = False
    resultType: Any = "complete"


_RECEIVED = msgspec.json.Decoder(Received)
_FLAGS = msgspec.json.Decoder(_Flags)
_JSON_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def invalid(detail: str) -> Refusal:
    return refuse(Reason.UPSTREAM_INVALID, detail)


def request_body(id: int, method: str, params: Mapping[str, Any]) -> bytes:
    """Raises `Invalid` for a number JSON peers would not agree on."""
    try:
        return orjson.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
    except orjson.JSONEncodeError:
        raise refuse(Reason.NUMBER_OUT_OF_RANGE, "params hold a value that JSON cannot carry") from None


def parse(data: bytes) -> Received:
    """Raises `Outage` unless it is one JSON object. Nothing of a malformed message is quoted."""
    try:
        if not data.isascii():
            data.decode("utf-8")  # the decoder looks only at the members it keeps
        return _RECEIVED.decode(data)
    except _JSON_ERRORS:
        raise invalid("the server sent something that is not one JSON-RPC message") from None


def is_reply(message: Received) -> bool:
    return not message.method and (bool(message.result) or bool(message.error))


def own_id(message: Received) -> int | None:
    """The id if it is an integer as we send them, else None."""
    text = bytes(message.id)
    return int(text) if len(text) < 20 and text.isdigit() else None


def reply_of(message: Received, id: int, *, http_status: int = 200, session: str = "", event_id: str = "") -> Reply:
    """The reply to the request we gave `id`. Raises `Outage` if the message is anything else."""
    if not is_reply(message) or own_id(message) != id:
        raise invalid("the server's answer does not carry the request's id")
    if message.error:
        value = one_line(bytes(message.error))
        return Reply("error", _object(value), OutcomeStatus.TOOL_ERROR, http_status, session, event_id)
    value = one_line(bytes(message.result))
    return Reply("result", value, _status(value), http_status, session, event_id)


def _object(value: bytes) -> bytes:
    if not value.startswith(b"{"):
        raise invalid("the server's error is not an object")
    return value


def _status(value: bytes) -> OutcomeStatus:
    try:
        flags = _FLAGS.decode(value)
    except _JSON_ERRORS:
        raise invalid("the server's result is not an object") from None
    if flags.resultType == "input_required":
        return OutcomeStatus.INPUT_REQUIRED
    if flags.resultType not in ("complete", "task"):
        raise invalid("the server's resultType is unknown")  # G17
    return OutcomeStatus.TOOL_ERROR if flags.isError is True else OutcomeStatus.OK


def routing_headers(request: McpRequest, method: str, params: Mapping[str, Any], tool: Tool | None) -> bytes:
    """Mcp-Method, Mcp-Name and Mcp-Param-*, made from the body that is sent (G3), then the client's unknown ones."""
    name = params.get(NAMED_BY.get(method, ""))
    lines = _method_and_name(method, name if isinstance(name, str) else None)
    if tool is None and not request.parameters:
        return lines
    known: Mapping[str, str] = tool.header_arguments if tool is not None else {}
    if known:
        for header, mirror in mirrored(known, params.get("arguments")).items():
            lines += b"%b: %b\r\n" % (header, mirror)
    for suffix, value in request.parameters.items():
        suffix = suffix.lower().removeprefix("mcp-param-")
        if suffix not in known and _TOKEN.match(suffix):
            lines += b"mcp-param-%b: %b\r\n" % (suffix.encode("ascii"), _verbatim(value))
    return lines


@lru_cache(maxsize=4096)
def _method_and_name(method: str, name: str | None) -> bytes:
    lines = b"mcp-method: %b\r\n" % encode_value(method)
    return lines if name is None else lines + b"mcp-name: %b\r\n" % encode_value(name)


_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


def _verbatim(value: str) -> bytes:
    """An unknown header as the client sent it, unless it could not be one."""
    return value.encode("ascii") if is_plain(value) else encode_value(value)
