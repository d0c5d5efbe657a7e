"""The authorization server's document names every endpoint there is for programs, and no other."""

from __future__ import annotations

from starlette.routing import Route

from remit.surfaces.oauth.app import Flows, oauth_app
from remit.surfaces.oauth.metadata import Offers, authorization_server
from remit.surfaces.oauth.openapi import ENDPOINTS, REGISTRATION, document

ISSUER = "https://remit.test"
EVERYTHING = Offers(client_documents=True, registration=True)


async def nothing(request: object) -> object:
    raise AssertionError("nobody asks here")


def test_every_endpoint_is_in_it_and_nothing_else() -> None:
    flows = Flows(nothing, nothing, nothing, nothing, nothing, nothing)  # type: ignore[arg-type]
    app = oauth_app(issuer=ISSUER, flows=flows, public_keys=dict, offers=EVERYTHING)
    served = {
        (method.lower(), route.path)
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    served |= {("get", "/authorize"), ("post", "/authorize")}  # among the pages of people
    assert served == {(endpoint.method, endpoint.path) for endpoint in (*ENDPOINTS, REGISTRATION)}
    content = document(issuer=ISSUER, version="1", registration=True)
    assert {(method, path) for path, found in content["paths"].items() for method in found} == served


def test_every_endpoint_that_clients_discover_is_in_it() -> None:
    told = {f"{ISSUER}{endpoint.path}" for endpoint in (*ENDPOINTS, REGISTRATION)}
    metadata = authorization_server(ISSUER, EVERYTHING)
    named = {metadata[name] for name in metadata if name.endswith(("_endpoint", "_uri"))}
    assert named <= told


def test_every_kind_of_grant_that_is_taken_is_told() -> None:
    (token,) = (endpoint for endpoint in ENDPOINTS if endpoint.path == "/token")
    assert set(token.form["grant_type"]["enum"]) == set(
        authorization_server(ISSUER, EVERYTHING)["grant_types_supported"]
    )
