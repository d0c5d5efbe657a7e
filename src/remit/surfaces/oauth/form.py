"""Reading a token request strictly: one form, each parameter once, nothing in the query, credentials in one place."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from starlette.requests import ClientDisconnect, Request

from remit.core.secret import Secret
from remit.flows.client_authentication import ClientRequest
from remit.flows.oauth_error import OAuthError

FORM_BYTES_MAX: Final = 65_536
FIELDS_MAX: Final = 32
_PLACE: Final = re.compile(r"[A-Za-z]+://[^/?#]*")


async def read_client_request(request: Request) -> ClientRequest:
    """Raises `OAuthError`."""
    basic = _basic(request.headers.getlist("authorization"))
    client = request.scope.get("client")
    return ClientRequest(await read_form(request), basic, client[0] if client else "unknown")


async def read_form(request: Request, *, fields_max: int = FIELDS_MAX) -> Mapping[str, str]:
    """Raises `OAuthError`."""
    if request.scope.get("query_string"):
        raise OAuthError("invalid_request", "parameters are sent in the body, never in the URL")
    content_type = request.headers.getlist("content-type")
    if (
        len(content_type) != 1
        or content_type[0].partition(";")[0].strip().lower() != "application/x-www-form-urlencoded"
    ):
        raise OAuthError("invalid_request", "Content-Type: expected application/x-www-form-urlencoded")
    return parse_form(await read_body(request), fields_max=fields_max)


def parse_form(body: bytes, *, fields_max: int = FIELDS_MAX) -> Mapping[str, str]:
    """A parameter sent twice or not in UTF-8 is an error (RFC 6749 section 3.2); an empty one counts as omitted. Scheme
    and host of `resource` may be in any case (MCP, canonical server URI); the rest of it is one spelling.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=fields_max,
        )
    except ValueError as error:
        raise OAuthError("invalid_request", "the body is not a form") from error
    names = [name for name, _ in pairs]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if "resource" in repeated:
        raise OAuthError("invalid_target", "a token fits one resource: send resource once")
    if repeated:
        raise OAuthError("invalid_request", f"{repeated[0][:64]} is sent more than once")
    given = {name: value for name, value in pairs if value}
    place = _PLACE.match(given.get("resource", ""))
    return given | {"resource": place[0].lower() + given["resource"][place.end() :]} if place else given


async def read_body(request: Request) -> bytes:
    """Raises `OAuthError`."""
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > FORM_BYTES_MAX:
                raise OAuthError("invalid_request", f"the body is longer than {FORM_BYTES_MAX} bytes", status=413)
    except ClientDisconnect as error:
        raise OAuthError("invalid_request", "the body ended early") from error
    return bytes(body)


def _basic(values: list[str]) -> tuple[str, Secret] | None:
    """`Authorization: Basic`, whose two parts are form-encoded before they are joined (RFC 6749 section 2.3.1)."""
    if not values:
        return None
    scheme, _, encoded = values[0].partition(" ")
    if len(values) > 1 or scheme.lower() != "basic":
        raise OAuthError("invalid_client", "Authorization: expected one Basic header", status=401, basic=True)
    try:
        name, colon, secret = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
        if not colon:
            raise ValueError("no colon")
        return unquote_plus(name, errors="strict"), Secret(unquote_plus(secret, errors="strict").encode("utf-8"))
    except (ValueError, binascii.Error):
        raise OAuthError("invalid_client", "Authorization: not well-formed", status=401, basic=True) from None
