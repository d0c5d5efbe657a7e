"""The administration API as OpenAPI 3.1, from the table that carries it out: neither says what the other does not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from remit.core.act_words import WORDS
from remit.core.administration import RULES, Act, scope_of
from remit.surfaces.admin import shapes
from remit.surfaces.admin.bodies import Asked
from remit.surfaces.admin.problem import METADATA
from remit.surfaces.admin.retries import KEY_CHARS_MAX
from remit.surfaces.admin.routes import PARAMETER_CHARS_MAX, PROPOSED, ROUTES, Route

PATH: Final = "/openapi.json"
DOCUMENTS: Final = (PATH, METADATA)
_REFERENCE: Final = "#/components/schemas/{name}"
# What can come of any request, whatever it asks.
_ALWAYS: Final = {
    400: "the request cannot be read",
    405: "this method is not served at this path",
    408: "the request took too long to arrive",
    413: "the body is larger than is taken here",
    421: "the Host header does not name this service",
    431: "the head of the request is larger than is taken here",
    500: "Remit failed; nothing is assumed",
    503: "Remit cannot answer now; nothing is assumed",
}
_OF_ACTS: Final = {
    401: "no access token, one for something else, or its grant is over",
    403: "the person did not let the client do this, or may not do it themselves",
    404: "there is no such thing here, or it is not theirs to see",
    409: "what there is has changed meanwhile, or is being changed",
    415: "the body is not application/json",
    422: "the request says something that cannot be done",
    429: "too many requests of this grant",
}
_HEADERS: Final[Mapping[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "RFC 6750, RFC 9728"}},
    403: {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "with insufficient_scope: RFC 6750"}},
    405: {"Allow": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"schema": {"type": "string"}, "description": "seconds"}},
}


def document(*, admin_url: str, issuer: str, version: str) -> dict[str, Any]:
    """The whole document."""
    kinds = [
        shapes.Problem,
        shapes.Proposed,
        *(kind for route in ROUTES for kind in (route.answer, route.query, route.body) if kind),
    ]
    _, components = msgspec.json.schema_components(list(dict.fromkeys(kinds)), ref_template=_REFERENCE)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Remit administration",
            "version": version,
            "summary": "What administrators let clients do in their name.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": admin_url}],
        "security": [{"administration": []}],
        "paths": dict(_paths()),
        "components": {
            "schemas": components,
            "responses": {str(status): _problem(status, text) for status, text in (_ALWAYS | _OF_ACTS).items()},
            "securitySchemes": {"administration": _scheme(issuer)},
        },
    }


def encoded(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, indent=2, ensure_ascii=False).encode() + b"\n"


def _scheme(issuer: str) -> dict[str, Any]:
    scopes = {"remit": "all that the person holds"}
    scopes |= {str(scope_of(act)): WORDS[act] for act in Act if any(route.act is act for route in ROUTES)}
    return {
        "type": "oauth2",
        "description": "The authorization code flow with PKCE (S256) and `resource` set to this server's URL.",
        "flows": {
            "authorizationCode": {
                "authorizationUrl": f"{issuer}/authorize",
                "tokenUrl": f"{issuer}/token",
                "refreshUrl": f"{issuer}/token",
                "scopes": scopes,
            }
        },
    }


def _paths() -> Iterator[tuple[str, dict[str, Any]]]:
    for path in dict.fromkeys(route.path for route in ROUTES):
        yield path, {route.method.lower(): _operation(route) for route in ROUTES if route.path == path}
    for path, text in ((PATH, "This document"), (METADATA, "Where to get a token (RFC 9728)")):
        answer = {"description": text, "content": {"application/json": {"schema": {"type": "object"}}}}
        responses = {"200": answer, **{str(status): _named(status) for status in _ALWAYS}}
        yield (
            path,
            {"get": {"operationId": path.rsplit("/", 1)[1], "summary": text, "security": [], "responses": responses}},
        )


def _operation(route: Route) -> dict[str, Any]:
    roles = " or ".join(sorted(RULES[route.act].roles))
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": f"{WORDS[route.act][:1].upper()}{WORDS[route.act][1:]}",
        "description": f"Decided as `{route.act}`: needs the role {roles}.",
        "security": [{"administration": [str(scope_of(route.act))]}],
        "parameters": [*_in_path(route), *_in_query(route.query), *_in_headers(route)],
        "responses": {
            str(route.status): {
                "description": "done",
                "content": {"application/json": {"schema": _schema(route.answer)}},
            },
            **{str(status): _named(status) for status in sorted({**_ALWAYS, **_OF_ACTS})},
        },
    }
    if route.may_wait:
        content = {"application/json": {"schema": _schema(shapes.Proposed)}}
        operation["responses"][str(PROPOSED)] = {"description": "kept until another confirms it", "content": content}
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _schema(route.body)}},
        }
    return operation


def _in_path(route: Route) -> list[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1, "maxLength": PARAMETER_CHARS_MAX}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in route.parameters]


def _in_query(query: type[Asked] | None) -> list[dict[str, Any]]:
    if query is None:
        return []
    _, components = msgspec.json.schema_components([query], ref_template=_REFERENCE)
    properties = components[query.__name__]["properties"]
    return [{"name": name, "in": "query", "schema": shape} for name, shape in properties.items()]


def _in_headers(route: Route) -> list[dict[str, Any]]:
    if not route.retried:
        return []
    schema = {"type": "string", "minLength": 1, "maxLength": KEY_CHARS_MAX, "pattern": "^[!-~]+$"}
    text = "Within an hour the same request under the same key gets the first answer."
    return [{"name": "Idempotency-Key", "in": "header", "schema": schema, "description": text}]


def _schema(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}


def _named(status: int) -> dict[str, str]:
    return {"$ref": f"#/components/responses/{status}"}


def _problem(status: int, text: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _schema(shapes.Problem)}}
    found: dict[str, Any] = {"description": text, "content": content}
    return found | ({"headers": _HEADERS[status]} if status in _HEADERS else {})
