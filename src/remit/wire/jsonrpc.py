"""Reading JSON-RPC 2.0 messages strictly, and writing them without touching the payload's bytes.

Two readers that disagree about one message are the classic way around an enforcement point: whatever JSON parsers are
known to read differently (repeated keys, keys in another case, numbers beyond 64 bits, batches) is refused before
anything is decided on the message.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NoReturn

import msgspec
import orjson

from remit.core.errors import refuse
from remit.core.reasons import Reason

ID_LENGTH_MAX: Final = 256
METHOD_LENGTH_MAX: Final = 128
_INTEGER_MIN: Final = -(2**63)
_INTEGER_MAX: Final = 2**64 - 1

# Digits become zeros and all else spaces, so that one substring search finds a run of 19 digits: only those can be
# integers beyond 64 bits.
_DIGITS_AS_ZERO: Final = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
_LONG_RUN: Final = b"0" * 19

MEMBERS: Final = frozenset({"jsonrpc", "id", "method", "params", "result", "error"})
PARAMS: Final = frozenset(
    {
        "_meta", "name", "arguments", "uri", "cursor", "ref", "argument", "context", "notifications", "level", "task",
        "taskId", "requestId", "requestState", "inputResponses", "protocolVersion", "capabilities", "clientInfo",
        "progressToken", "progress", "total", "message", "reason",
    }
)  # fmt: skip
META: Final = frozenset(
    {
        "progressToken", "traceparent", "tracestate", "baggage", "io.modelcontextprotocol/protocolVersion",
        "io.modelcontextprotocol/clientCapabilities", "io.modelcontextprotocol/clientInfo",
        "io.modelcontextprotocol/logLevel", "io.modelcontextprotocol/subscriptionId",
        "io.modelcontextprotocol/related-task", "io.modelcontextprotocol/serverInfo",
    }
)  # fmt: skip
_FOLDED: Final = {known: frozenset(key.casefold() for key in known) for known in (MEMBERS, PARAMS, META)}


class MessageKind(Enum):
    REQUEST = "request"
    NOTIFICATION = "notification"
    RESPONSE = "response"


class Incoming(msgspec.Struct, frozen=True):
    """`id` is JSON text, empty for a notification. `method` is empty for a response. `body` is the whole message."""

    kind: MessageKind
    id: bytes
    method: str
    params: dict[str, Any]
    body: dict[str, Any]


def decode(text: bytes) -> dict[str, Any]:
    """One JSON object. Raises `Invalid` for anything else and for what JSON readers disagree about."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise refuse(Reason.MALFORMED_JSON) from None
    if type(message) is not dict:
        raise refuse(Reason.BATCH_REFUSED if type(message) is list else Reason.INVALID_MESSAGE)
    try:
        again = orjson.dumps(message)
    except orjson.JSONEncodeError:
        raise refuse(Reason.INVALID_MESSAGE, "the message nests too deep") from None
    # A dropped duplicate takes at least its own colon with it, and a colon inside a string stays one unless the sender
    # wrote it as \u003a. So equal counts prove that no key was repeated.
    suspect = text.count(b":") != again.count(b":") or (b"\\" in text and b"\\u003" in text)
    if suspect or _LONG_RUN in text.translate(_DIGITS_AS_ZERO):
        _read_exactly(text)
    return message


def _read_exactly(text: bytes) -> None:
    """Read once more with a parser that shows every key and every integer."""
    try:
        json.loads(text, object_pairs_hook=_unrepeated, parse_int=_bounded)
    except RecursionError:
        raise refuse(Reason.INVALID_MESSAGE, "the message nests too deep") from None
    except json.JSONDecodeError:
        raise refuse(Reason.MALFORMED_JSON) from None


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise refuse(Reason.DUPLICATE_KEY)
    return members


def _bounded(digits: str) -> int:
    if len(digits) > 20 or not _INTEGER_MIN <= (number := int(digits)) <= _INTEGER_MAX:
        raise refuse(Reason.NUMBER_OUT_OF_RANGE)
    return number


def id_of(message: Mapping[str, Any]) -> bytes:
    """The id to answer under as JSON text: the message's own if it has a usable one, else `null` (JSON-RPC 2.0, 5)."""
    id = message.get("id")
    return orjson.dumps(id) if _usable(id) else b"null"


def _usable(id: object) -> bool:
    kind = type(id)
    return kind is int or (kind is str and len(id) <= ID_LENGTH_MAX)  # type: ignore[arg-type]


def read(message: dict[str, Any]) -> Incoming:
    """The decoded object as a JSON-RPC 2.0 message. Raises `Invalid`."""
    if not MEMBERS.issuperset(message):
        _refuse_odd_case(message, MEMBERS)
    if message.get("jsonrpc") != "2.0":
        _malformed('jsonrpc must be "2.0"')
    id = _own_id(message)
    if "method" not in message:
        return _response(message, id)
    method, params = message["method"], message.get("params")
    if type(method) is not str or not 0 < len(method) <= METHOD_LENGTH_MAX:
        _malformed("method must be a short string")
    if "result" in message or "error" in message:
        _malformed("a message is a request or a response, not both")
    if params is None and "params" not in message:
        params = {}
    elif type(params) is not dict:
        _malformed("params must be an object")
    else:
        _refuse_odd_params(params)
    return Incoming(MessageKind.REQUEST if id else MessageKind.NOTIFICATION, id, method, params, message)


def _own_id(message: dict[str, Any]) -> bytes:
    """Empty for a notification, which is a message without the member (JSON-RPC 2.0, 4.1)."""
    if "id" not in message:
        return b""
    if not _usable(message["id"]):
        _malformed(f"id must be an integer or a string of at most {ID_LENGTH_MAX} characters")
    return orjson.dumps(message["id"])


def _response(message: dict[str, Any], id: bytes) -> Incoming:
    if not id or ("result" in message) is ("error" in message):
        _malformed("a message has a method, or an id and exactly one of result and error")
    if type(message.get("result", message.get("error"))) is not dict:
        _malformed("result and error are objects")
    return Incoming(MessageKind.RESPONSE, id, "", {}, message)


def _refuse_odd_params(params: dict[str, Any]) -> None:
    if not PARAMS.issuperset(params):
        _refuse_odd_case(params, PARAMS)
    meta = params.get("_meta")
    if type(meta) is dict and not META.issuperset(meta):
        _refuse_odd_case(meta, META)
    arguments = params.get("arguments")
    if type(arguments) is dict and len(arguments) > 1 and len({key.casefold() for key in arguments}) != len(arguments):
        raise refuse(Reason.ODD_CASE_KEY, "two arguments differ only in case")


def _refuse_odd_case(found: dict[str, Any], known: frozenset[str]) -> None:
    """Some readers match keys whatever their case: `Name` beside or instead of `name` would mean one thing to the
    policy and another to the server.
    """
    folded = _FOLDED[known]
    for key in found:
        if key not in known and key.casefold() in folded:
            raise refuse(Reason.ODD_CASE_KEY, f"found {key[:64]!r}")


def _malformed(detail: str) -> NoReturn:
    raise refuse(Reason.INVALID_MESSAGE, detail)


def result(id: bytes, value: bytes) -> bytes:
    """A response around a result's own bytes (G16)."""
    return b'{"jsonrpc":"2.0","id":' + id + b',"result":' + value + b"}"


def error(id: bytes, value: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":' + id + b',"error":' + value + b"}"


def error_value(code: int, message: str, data: Mapping[str, Any] | None = None) -> bytes:
    fields: dict[str, Any] = {"code": code, "message": message}
    if data:
        fields["data"] = data
    return orjson.dumps(fields)


def one_line(value: bytes) -> bytes:
    """JSON without line breaks. Outside strings they are white space, inside strings JSON forbids them."""
    if b"\n" in value or b"\r" in value:
        return value.replace(b"\r", b" ").replace(b"\n", b" ")
    return value
