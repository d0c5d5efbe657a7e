"""`POST /register`: a client asks to be registered (RFC 7591 section 3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from remit.core.client_document import json_object
from remit.core.client_registration import RegistrationError
from remit.core.errors import Refusal
from remit.core.secret import Secret
from remit.flows.oauth_error import OAuthError, as_oauth
from remit.surfaces.oauth.form import read_body

Register = Callable[..., Awaitable[Mapping[str, Any]]]  # what is asked for, the initial access token, `peer`


def registration(register: Register) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        client, found = request.scope.get("client"), await _asked(request)
        try:
            answered = await register(found, _bearer(request), peer=client[0] if client else "unknown")
        except RegistrationError as error:
            raise OAuthError(error.error, error.description) from error
        except Refusal as refusal:
            raise as_oauth(refusal) from refusal
        return JSONResponse(dict(answered), status_code=201, headers={"Cache-Control": "no-store"})

    return answer


async def _asked(request: Request) -> Mapping[str, Any]:
    kind = request.headers.getlist("content-type")
    if len(kind) != 1 or kind[0].partition(";")[0].strip().lower() != "application/json":
        raise OAuthError("invalid_client_metadata", "Content-Type: expected application/json")
    try:
        return json_object(await read_body(request))
    except Refusal as refusal:
        raise OAuthError("invalid_client_metadata", refusal.detail) from None


def _bearer(request: Request) -> Secret | None:
    said = request.headers.getlist("authorization")
    scheme, _, token = said[0].partition(" ") if len(said) == 1 else ("", "", "")
    return Secret(token.strip().encode("latin-1")) if scheme.lower() == "bearer" else None
