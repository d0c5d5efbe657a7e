"""The request headers MCP gives a meaning to, and the codec of mirrored values."""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from remit.core.errors import refuse
from remit.core.reasons import Reason

HOST: Final = b"host"
ORIGIN: Final = b"origin"
AUTHORIZATION: Final = b"authorization"
CONTENT_TYPE: Final = b"content-type"
ACCEPT: Final = b"accept"
VERSION: Final = b"mcp-protocol-version"
METHOD: Final = b"mcp-method"
NAME: Final = b"mcp-name"
SESSION: Final = b"mcp-session-id"
LAST_EVENT_ID: Final = b"last-event-id"
PARAMETER_PREFIX: Final = b"mcp-param-"
_OPEN: Final = b"=?base64?"
_CLOSE: Final = b"?="
_PLAIN: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?\Z")
_DECIMAL: Final = frozenset(b"0123456789")


class Fields(dict[bytes, bytes]):
    """A request's headers by name. `repeated` holds those names that came more than once; what is repeated is not to be
    believed, except `Accept`, which is a list (RFC 9110, 5.3).
    """

    repeated: frozenset[bytes] = frozenset()


def scan(headers: Sequence[tuple[bytes, bytes]]) -> Fields:
    """Names come in lower case, values without white space around them."""
    fields = Fields(headers)
    if len(fields) != len(headers):
        counts = Counter(name for name, _ in headers)
        fields.repeated = frozenset(name for name, count in counts.items() if count > 1)
        if ACCEPT in fields.repeated:
            fields[ACCEPT] = b",".join(value for name, value in headers if name == ACCEPT)
    return fields


def parameters(fields: Fields) -> dict[bytes, bytes]:
    """The `Mcp-Param-*` headers."""
    if PARAMETER_PREFIX not in b"\n".join(fields):
        return {}
    return {name: value for name, value in fields.items() if name.startswith(PARAMETER_PREFIX)}


def encode_value(text: str) -> bytes:
    """A value as a header may carry it, else in the base64 form of the transport page. Also wraps what already looks
    wrapped, so that it is not unwrapped to something else."""
    if is_plain(text) and not (text.startswith("=?base64?") and text.endswith("?=")):
        return text.encode("ascii")
    return _OPEN + base64.b64encode(text.encode("utf-8", "surrogatepass")) + _CLOSE


def is_plain(text: str) -> bool:
    """Whether the text can be a header's value as it is."""
    return _PLAIN.match(text) is not None


def decode_value(value: bytes) -> str | None:
    """A mirrored value as text (2026-07-28, transports). None for a malformed or non-canonical `=?base64?…?=` form, and
    for bytes that are not UTF-8, so that it equals nothing."""
    if value.startswith(_OPEN) and value.endswith(_CLOSE) and len(value) >= len(_OPEN) + len(_CLOSE):
        payload = value[len(_OPEN) : -len(_CLOSE)]
        try:
            value = base64.b64decode(payload, validate=True)
        except binascii.Error:
            return None
        if base64.b64encode(value) != payload:
            return None
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return None


def mirrors(header: bytes | None, value: str) -> bool:
    """Whether a routing header says what the body says."""
    if header is None:
        return False
    text = value.encode("utf-8", "surrogatepass")
    return (header == text and not header.startswith(_OPEN)) or decode_value(header) == value


def mirrored(declared: Mapping[str, str], arguments: object) -> dict[bytes, bytes]:
    """The `Mcp-Param-*` headers of the declared arguments that are there. `declared` as for `check_parameters`."""
    headers = {}
    for suffix, path in declared.items():
        text = _render(_at(arguments, path))
        if text is not None:
            headers[PARAMETER_PREFIX + suffix.encode("ascii")] = encode_value(text)
    return headers


def check_parameters(declared: Mapping[str, str], arguments: object, found: Mapping[bytes, bytes]) -> None:
    """Hold the `Mcp-Param-*` headers a tool declares against the arguments (G3): both present and equal, or both
    absent.

    `declared` maps the header's suffix, in lower case, to the argument's path (RFC 6901 without its first slash).
    Raises `Invalid` (`header_mismatch`).
    """
    for suffix, path in declared.items():
        header = found.get(PARAMETER_PREFIX + suffix.encode("ascii"))
        value = _at(arguments, path)
        rendered = _render(value)
        if rendered is None:
            if header is not None:
                raise refuse(
                    Reason.HEADER_MISMATCH, f"Mcp-Param-{suffix} is present but {path!r} is not in the arguments"
                )
            continue
        if header is None:
            raise refuse(Reason.HEADER_MISMATCH, f"Mcp-Param-{suffix} is missing but {path!r} is in the arguments")
        text = decode_value(header)
        if text is None or not (text == rendered or _same_integer(text, value)):
            raise refuse(Reason.HEADER_MISMATCH, f"Mcp-Param-{suffix} differs from {path!r} in the arguments")


def _at(arguments: object, path: str) -> object:
    for key in path.split("/"):
        if not isinstance(arguments, dict):
            return None
        arguments = arguments.get(key.replace("~1", "/").replace("~0", "~"))
    return arguments


def _render(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None


def _same_integer(text: str, value: object) -> bool:
    """`42` and `42.0` are one integer. Compared as digits, never through a float."""
    if isinstance(value, bool) or not (isinstance(value, int) or (isinstance(value, float) and value.is_integer())):
        return False
    whole, dot, fraction = text.partition(".")
    digits = whole.removeprefix("-")
    if not 0 < len(digits) <= 20 or not _DECIMAL.issuperset(digits.encode("utf-8")):
        return False
    if dot and (not fraction or fraction.strip("0")):
        return False
    return int(whole) == int(value)


def accepts(accept: bytes | None, wanted: tuple[bytes, ...]) -> bool:
    """Whether `Accept` (RFC 9110, 12.5.1) takes every one of the wanted types. An absent header names none."""
    if accept is None:
        return False
    if accept in _USUAL_ACCEPT:
        return True
    ranges = [part.split(b";", 1) for part in accept.lower().split(b",")]
    taken = {part[0].strip() for part in ranges if len(part) == 1 or not _refused(part[1])}
    return all(name in taken or name.split(b"/")[0] + b"/*" in taken or b"*/*" in taken for name in wanted)


def _refused(parameters: bytes) -> bool:
    """`q=0` means: not this one."""
    for parameter in parameters.split(b";"):
        name, _, value = parameter.partition(b"=")
        if name.strip() == b"q" and not value.strip().replace(b".", b"").strip(b"0"):
            return True
    return False


JSON: Final = b"application/json"
EVENTS: Final = b"text/event-stream"
_USUAL_ACCEPT: Final = frozenset(
    {JSON + b", " + EVENTS, EVENTS + b", " + JSON, JSON + b"," + EVENTS, EVENTS + b"," + JSON, b"*/*"}
)
_USUAL_JSON: Final = frozenset({JSON, JSON + b"; charset=utf-8", JSON + b";charset=utf-8"})


def is_json(content_type: bytes | None) -> bool:
    if content_type in _USUAL_JSON:
        return True
    if content_type is None:
        return False
    kind, _, parameters = content_type.lower().partition(b";")
    charset = parameters.partition(b"charset=")[2].strip().strip(b'"')
    return kind.strip() == JSON and charset in (b"", b"utf-8", b"utf8")
