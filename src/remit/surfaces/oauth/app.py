"""The authorization server as an ASGI application: token endpoint, keys, metadata. Paths come from the scope alone."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from remit.core.device_code import DEVICE_CODE_S, INTERVAL_S
from remit.core.pushed_request import PUSHED_S
from remit.core.scope import SERVER_NAME
from remit.core.secret import Secret
from remit.flows.authorize_device import DeviceAnswer
from remit.flows.client_authentication import ClientRequest
from remit.flows.introspect import Introspected
from remit.flows.oauth_error import OAuthError
from remit.flows.token import TokenAnswer
from remit.surfaces.oauth.form import read_client_request
from remit.surfaces.oauth.metadata import NOTHING_MORE, Offers, authorization_server, protected_resource
from remit.surfaces.oauth.register import Register, registration

Handler = Callable[[Request], Awaitable[Response]]
# An answer with a token or about a secret is nobody's to keep (RFC 6749 section 5.1).
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
SIGNED_ANSWER = "application/token-introspection+jwt"
KEPT_BRIEFLY = {"Cache-Control": "public, max-age=60"}


@dataclass(frozen=True, slots=True)
class Flows:
    """What clients reach by themselves: the flows, or hops to the loop they live on."""

    issue: Callable[[ClientRequest], Awaitable[TokenAnswer]]
    revoke: Callable[[ClientRequest], Awaitable[None]]
    push: Callable[[ClientRequest], Awaitable[Secret]]
    begin_device: Callable[[ClientRequest], Awaitable[DeviceAnswer]]
    introspect: Callable[..., Awaitable[Introspected]]  # `signed` beside the request
    register: Register


def oauth_app(
    *,
    issuer: str,
    flows: Flows,
    public_keys: Callable[[], Mapping[str, Any]],
    offers: Offers = NOTHING_MORE,
    pages: Sequence[Route] = (),
) -> Starlette:
    """`issuer` has no trailing slash; `pages` are those of people."""

    async def keys(_request: Request) -> Response:
        return JSONResponse(dict(public_keys()), headers=KEPT_BRIEFLY)

    async def server_metadata(_request: Request) -> Response:
        return JSONResponse(authorization_server(issuer, offers), headers=KEPT_BRIEFLY)

    async def resource_metadata(request: Request) -> Response:
        """For any name a server could have, as `/mcp/{server}` challenges for any: which exist is not for strangers."""
        server = request.path_params.get("server", "")
        if server and not SERVER_NAME.match(server):
            return JSONResponse({"error": "not_found"}, status_code=404, headers=NO_STORE)
        return JSONResponse(protected_resource(issuer, server), headers=KEPT_BRIEFLY)

    resource = "/.well-known/oauth-protected-resource"
    app = Starlette(
        routes=[
            Route("/token", _answering(_token(flows)), methods=["POST"]),
            Route("/revoke", _answering(_revocation(flows)), methods=["POST"]),
            Route("/device_authorization", _answering(_device(flows, issuer)), methods=["POST"]),
            Route("/introspect", _answering(_introspection(flows)), methods=["POST"]),
            Route("/par", _answering(_pushed(flows)), methods=["POST"]),
            *(
                [Route("/register", _answering(registration(flows.register)), methods=["POST"])]
                if offers.registration
                else []
            ),
            Route("/jwks.json", keys),
            Route("/.well-known/oauth-authorization-server", server_metadata),
            Route("/.well-known/openid-configuration", server_metadata),
            Route(resource, resource_metadata),
            Route(f"{resource}/mcp", resource_metadata),
            Route(f"{resource}/mcp/{{server}}", resource_metadata),
            *pages,
        ]
    )
    app.router.redirect_slashes = False  # it would build the redirect from the Host header
    return app


def _answering(handler: Handler) -> Handler:
    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except OAuthError as error:
            return _error(error)

    return answer


def _token(flows: Flows) -> Handler:
    async def token(request: Request) -> Response:
        answer = await flows.issue(await read_client_request(request))
        body: dict[str, Any] = {
            "access_token": answer.token.expose().decode("ascii"),
            "token_type": "Bearer",
            "expires_in": answer.expires_in_s,
            "scope": answer.scope,
        }
        if answer.refresh is not None:
            body |= {"refresh_token": answer.refresh.expose().decode("ascii"), "authorization_details": answer.details}
        return JSONResponse(body, headers=NO_STORE)

    return token


def _revocation(flows: Flows) -> Handler:
    async def revocation(request: Request) -> Response:
        await flows.revoke(await read_client_request(request))
        return Response(status_code=200, headers=NO_STORE)

    return revocation


def _pushed(flows: Flows) -> Handler:
    async def pushed(request: Request) -> Response:
        reference = await flows.push(await read_client_request(request))
        body = {"request_uri": reference.expose().decode("ascii"), "expires_in": int(PUSHED_S)}
        return JSONResponse(body, status_code=201, headers=NO_STORE)

    return pushed


def _device(flows: Flows, issuer: str) -> Handler:
    async def device(request: Request) -> Response:
        found = await flows.begin_device(await read_client_request(request))
        body = {
            "device_code": found.device_code.expose().decode("ascii"),
            "user_code": found.user_code,
            "verification_uri": f"{issuer}/device",
            "verification_uri_complete": f"{issuer}/device?user_code={found.user_code}",
            "expires_in": int(DEVICE_CODE_S),
            "interval": int(INTERVAL_S),
        }
        return JSONResponse(body, headers=NO_STORE)

    return device


def _introspection(flows: Flows) -> Handler:
    async def introspection(request: Request) -> Response:
        wanted = accepts(request.headers.getlist("accept"), SIGNED_ANSWER)
        found = await flows.introspect(await read_client_request(request), signed=wanted)
        if found.signed is not None:
            return Response(found.signed.expose(), headers=NO_STORE, media_type=SIGNED_ANSWER)
        return JSONResponse(dict(found.answer), headers=NO_STORE)

    return introspection


def accepts(headers: Sequence[str], media_type: str) -> bool:
    """Whether the type is named, by itself and not among others of a kind (RFC 9110 section 12.5.1)."""
    for item in ",".join(headers).split(","):
        named, *parameters = (part.strip().lower() for part in item.split(";"))
        weights = [parameter for parameter in parameters if parameter.startswith("q=")]
        if named == media_type and all(re.fullmatch(r"q=0(?:\.0{0,3})?", weight) is None for weight in weights):
            return True
    return False


def _error(error: OAuthError) -> Response:
    headers = dict(NO_STORE)
    if error.basic and error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="remit", charset="UTF-8"'
    if error.wait_s:
        headers["Retry-After"] = str(math.ceil(error.wait_s))
    # RFC 6749 section 5.2 keeps descriptions to printable ASCII without quotes and backslashes.
    description = "".join(c if " " <= c <= "~" and c not in '"\\' else "?" for c in error.description)
    body = {"error": error.error, "error_description": description[:512]}
    return JSONResponse(body, status_code=error.status, headers=headers)
