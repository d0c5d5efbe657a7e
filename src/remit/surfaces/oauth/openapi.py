"""The authorization server as OpenAPI 3.1: one entry an endpoint. A new endpoint gets its line here or a test fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from remit.surfaces.oauth.metadata import DEVICE_CODE

TEXT: Final[dict[str, Any]] = {"type": "string", "minLength": 1}
GRANT_TYPES: Final = ("authorization_code", "refresh_token", "client_credentials", DEVICE_CODE)
# How a client says who it is, at every endpoint that wants to know (RFC 6749 section 2.3, RFC 7523).
CLIENT: Final[dict[str, dict[str, Any]]] = {
    "client_id": TEXT,
    "client_assertion_type": TEXT,
    "client_assertion": TEXT,
}
_ERRORS: Final = {
    400: "an error of RFC 6749 section 5.2",
    401: "the client is not known, or did not prove who it is",
    413: "the form is too large",
    429: "too many requests; `Retry-After` says how long to wait",
    503: "Remit cannot answer now",
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`form` are the parameters of a form, `json` the members of an object, `query` those of the URL; `answer` the
    members of the answer's object, `done` its status and `also` other types it may have. `answers` are further
    statuses, by what they mean.
    """

    method: str
    path: str
    summary: str
    form: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    json: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    query: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    answer: Mapping[str, dict[str, Any]] | None = None
    done: int = 200
    also: tuple[str, ...] = ()
    answers: Mapping[int, str] = field(default_factory=dict)


_ASKED: Final[dict[str, dict[str, Any]]] = {
    "response_type": {"type": "string", "enum": ["code"]}, "client_id": TEXT, "redirect_uri": TEXT, "resource": TEXT,
    "scope": TEXT, "state": TEXT, "nonce": TEXT, "code_challenge": TEXT,
    "code_challenge_method": {"type": "string", "enum": ["S256"]}, "authorization_details": TEXT,
    "prompt": {"type": "string", "enum": ["none", "login", "consent", "select_account"]}, "max_age": TEXT,
}  # fmt: skip
_ASKS: Final = ("response_type", "client_id", "redirect_uri", "resource", "code_challenge", "code_challenge_method")
_PAGES: Final = {
    303: "the browser is sent on: to sign in, to the question, or back to the client with an error",
    400: "a page that says why this cannot be answered, to a person",
    413: "a page that says that the form is too large",
    421: "a page that says that this name is not Remit's",
    503: "a page that says that Remit cannot answer now",
}
_METADATA: Final[dict[str, dict[str, Any]]] = {"issuer": TEXT, "token_endpoint": TEXT, "jwks_uri": TEXT}
_RESOURCE: Final[dict[str, dict[str, Any]]] = {
    "resource": TEXT,
    "authorization_servers": {"type": "array", "items": TEXT},
}

ENDPOINTS: Final = (
    Endpoint("get", "/authorize", "Ask a person whether a client may act for them", query=_ASKED, answers=_PAGES),
    Endpoint("post", "/authorize", "The same, as a form", form=_ASKED, required=_ASKS, answers=_PAGES),
    Endpoint(
        "post", "/token", "Get tokens (RFC 6749)",
        form={
            "grant_type": {"type": "string", "enum": [*GRANT_TYPES]},
            "code": TEXT, "redirect_uri": TEXT, "code_verifier": TEXT, "refresh_token": TEXT,
            "device_code": TEXT, "resource": TEXT,
            "scope": TEXT, **CLIENT,
        },
        required=("grant_type",),
        answer={
            "access_token": TEXT, "token_type": {"type": "string", "enum": ["Bearer"]},
            "expires_in": {"type": "integer"}, "scope": {"type": "string"},
        },
        answers=_ERRORS,
    ),
    Endpoint(
        "post", "/revoke", "End the grant behind a refresh token (RFC 7009)",
        form={"token": TEXT, "token_type_hint": TEXT, **CLIENT}, required=("token",), answers={200: "done"} | _ERRORS,
    ),
    Endpoint(
        "post", "/par", "Bring a request here before a browser brings its reference (RFC 9126)",
        form=_ASKED | CLIENT, required=_ASKS, answer={"request_uri": TEXT, "expires_in": {"type": "integer"}}, done=201,
        answers=_ERRORS,
    ),
    Endpoint(
        "post", "/device_authorization", "Ask for a code that a person types elsewhere (RFC 8628)",
        form={"scope": TEXT, "resource": TEXT, "authorization_details": TEXT, **CLIENT}, required=("resource",),
        answer={
            "device_code": TEXT, "user_code": TEXT, "verification_uri": TEXT, "expires_in": {"type": "integer"},
        },
        answers=_ERRORS,
    ),
    Endpoint(
        "post", "/introspect", "Ask whether a token is good (RFC 7662), signed if so accepted (RFC 9701)",
        form={"token": TEXT, "token_type_hint": TEXT, **CLIENT}, required=("token",),
        answer={"active": {"type": "boolean"}}, also=("application/token-introspection+jwt",),
        answers=_ERRORS | {403: "the client may ask about no token"},
    ),
    Endpoint("get", "/jwks.json", "Public keys of access tokens (RFC 7517)", answer={"keys": {"type": "array"}}),
    Endpoint(
        "get", "/.well-known/oauth-authorization-server", "This authorization server (RFC 8414)", answer=_METADATA
    ),
    Endpoint("get", "/.well-known/openid-configuration", "The same, where some clients look", answer=_METADATA),
    Endpoint("get", "/.well-known/oauth-protected-resource", "The resource /mcp (RFC 9728)", answer=_RESOURCE),
    Endpoint("get", "/.well-known/oauth-protected-resource/mcp", "The same, path form", answer=_RESOURCE),
    Endpoint(
        "get", "/.well-known/oauth-protected-resource/mcp/{server}", "The resource of one server (RFC 9728)",
        answer=_RESOURCE, answers={404: "no server could have this name"},
    ),
)  # fmt: skip


# Where the operator switched registration on (RFC 7591).
REGISTRATION: Final = Endpoint(
    "post", "/register", "Register a client (RFC 7591), where that is switched on",
    json={"redirect_uris": {"type": "array", "items": TEXT}, "client_name": TEXT}, required=("redirect_uris",),
    answer={"client_id": TEXT}, done=201, answers=_ERRORS | {403: "who may register is limited"},
)  # fmt: skip


def document(*, issuer: str, version: str, registration: bool) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in (*ENDPOINTS, *([REGISTRATION] if registration else [])):
        paths.setdefault(endpoint.path, {})[endpoint.method] = _operation(endpoint)
    error = {"type": "object", "required": ["error"], "properties": {"error": TEXT, "error_description": TEXT}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Remit authorization server",
            "version": version,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": issuer}],
        "paths": paths,
        "components": {
            "schemas": {"Error": error},
            "securitySchemes": {"client": {"type": "http", "scheme": "basic"}},
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    place = endpoint.path.strip("/.").replace("/", "-").replace("{", "").replace("}", "")
    operation: dict[str, Any] = {
        "operationId": f"{endpoint.method}-{place}",
        "summary": endpoint.summary,
        "parameters": [*_in_path(endpoint.path), *_in_query(endpoint)],
        "responses": {str(status): _answer(endpoint, status) for status in sorted({*_statuses(endpoint)})},
    }
    if endpoint.form or endpoint.json:
        media_type = "application/x-www-form-urlencoded" if endpoint.form else "application/json"
        properties = dict(endpoint.form or endpoint.json)
        shape = {"type": "object", "properties": properties, "required": list(endpoint.required)}
        operation["requestBody"] = {"required": True, "content": {media_type: {"schema": shape}}}
    if "client_assertion" in endpoint.form:
        operation["security"] = [{}, {"client": []}]
    return operation


def _statuses(endpoint: Endpoint) -> list[int]:
    """Any request may be one that the listener or the router refuses."""
    return [*endpoint.answers, *([endpoint.done] if endpoint.answer is not None else []), 400, 405, 408, 413, 431]


def _answer(endpoint: Endpoint, status: int) -> dict[str, Any]:
    if status == endpoint.done and endpoint.answer is not None:
        shape = {"type": "object", "properties": dict(endpoint.answer), "required": list(endpoint.answer)}
        content = {"application/json": {"schema": shape}} | {kind: {"schema": TEXT} for kind in endpoint.also}
        return {"description": "done", "content": content}
    found: dict[str, Any] = {"description": endpoint.answers.get(status, "the request is not one that is taken here")}
    if endpoint.answers.get(status) == _ERRORS.get(status, ""):
        found["content"] = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return found


def _in_path(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    return [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in names]


def _in_query(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "query", "required": name in _ASKS, "schema": shape}
        for name, shape in endpoint.query.items()
    ]
