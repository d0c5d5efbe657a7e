"""The authorization request (RFC 6749 section 4.1.1, OAuth 2.1), checked in two stages.

Until client and redirect URI are right an error is shown to the person and goes nowhere, since the place it would go to
may be an attacker's (RFC 6749 section 4.1.2.1). Only with a `ReturnAddress` is there somewhere to answer to, and from
then on every error is an answer.
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from remit.core.authentication import ASKABLE, Acr
from remit.core.authorization_details import Asked, parse_details
from remit.core.clients import Client
from remit.core.device_code import DEVICE
from remit.core.errors import Invalid, refuse
from remit.core.passkeys import relying_party
from remit.core.pkce import CodeChallenge
from remit.core.reasons import Reason
from remit.core.redirects import matches
from remit.core.scope import SERVER_NAME, Scope, fewest, intersect, parse_scopes

SCOPES_MAX: Final = 256
_VALUE: Final = re.compile(r"[!-~]{1,1024}\Z")
_SECONDS: Final = re.compile(r"(?:0|[1-9][0-9]{0,9})\Z")
_NOT_DESCRIPTION: Final = re.compile(r"[^ !#-\[\]-~]")


class ErrorCode(StrEnum):
    """RFC 6749 section 4.1.2.1, RFC 8707, RFC 9396, RFC 9470, OpenID Connect Core section 3.1.2.6."""

    INVALID_REQUEST = "invalid_request"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    ACCESS_DENIED = "access_denied"
    UNSUPPORTED_RESPONSE_TYPE = "unsupported_response_type"
    INVALID_SCOPE = "invalid_scope"
    SERVER_ERROR = "server_error"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    INVALID_TARGET = "invalid_target"
    INVALID_AUTHORIZATION_DETAILS = "invalid_authorization_details"
    LOGIN_REQUIRED = "login_required"
    CONSENT_REQUIRED = "consent_required"
    INTERACTION_REQUIRED = "interaction_required"
    ACCOUNT_SELECTION_REQUIRED = "account_selection_required"
    REQUEST_NOT_SUPPORTED = "request_not_supported"
    UNMET_AUTHENTICATION_REQUIREMENTS = "unmet_authentication_requirements"  # OpenID Connect Core Unmet 1.0, RFC 9470
    REQUEST_URI_NOT_SUPPORTED = "request_uri_not_supported"


class AuthorizationError(Exception):
    """An error answer that is sent to the return address. `description` has only characters that
    `error_description` may have."""

    def __init__(self, error: ErrorCode, description: str) -> None:
        self.error = error
        self.description = _NOT_DESCRIPTION.sub("?", description.replace('"', "'"))
        super().__init__(f"{self.error}: {self.description}")


class Prompt(StrEnum):
    """OpenID Connect Core section 3.1.2.1."""

    NONE = "none"
    LOGIN = "login"
    CONSENT = "consent"
    SELECT_ACCOUNT = "select_account"


@dataclass(frozen=True, slots=True)
class ReturnAddress:
    """Where answers may be sent, made by `return_address` alone. `state` is what they repeat, empty if none was sent
    or it is unfit to be repeated."""

    client: Client
    redirect_uri: str
    state: str


@dataclass(frozen=True, slots=True)
class Unspecified:
    """The client named neither scopes nor authorization_details: it takes what person and policy leave it (RFC 6749
    section 3.3)."""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What the client asks for. `nonce` is empty if none was sent; `max_age_s` is infinite if any sign-in will do,
    `acr` the least that will."""

    address: ReturnAddress
    resource: str
    asked: Asked | Unspecified
    challenge: CodeChallenge
    prompts: frozenset[Prompt]
    nonce: str
    max_age_s: float
    acr: Acr = Acr.NONE

    @property
    def client(self) -> Client:
        return self.address.client

    @property
    def destination(self) -> str:
        return self.address.redirect_uri


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """What a device asks for that has no browser (RFC 8628). `device` is the row that waits for the answer. Its person
    is asked each time, whatever they agreed to before: somebody else may have sent them the code (section 5.4).
    """

    client: Client
    device: str
    resource: str
    asked: Asked | Unspecified
    prompts: frozenset[Prompt] = frozenset({Prompt.CONSENT})
    max_age_s: float = float("inf")
    acr: Acr = Acr.NONE

    @property
    def destination(self) -> str:
        return DEVICE


@dataclass(frozen=True, slots=True)
class Resources:
    """The endpoints below `issuer`, and administration if it has an address. Any name a server could have is one: which
    exist is for those who signed in and reach them, and not for strangers."""

    issuer: str
    administration: str = ""

    def __contains__(self, resource: object) -> bool:
        if resource == self.administration != "":
            return True
        shared = f"{self.issuer}/mcp"
        root, slash, server = str(resource).rpartition("/")
        return resource == shared or (bool(slash) and root == shared and SERVER_NAME.match(server) is not None)


def return_address(parameters: Mapping[str, str], clients: Mapping[str, Client]) -> ReturnAddress:
    """Stage 1. Raises `Invalid`, to be shown to the person and never to be redirected."""
    name = parameters.get("client_id", "")
    client = clients.get(name)
    if client is None:
        raise refuse(Reason.CLIENT_UNKNOWN, f"client_id: expected a registered client, found {name[:80]!r}")
    presented = parameters.get("redirect_uri", "")
    if not presented:
        raise refuse(Reason.INVALID_REDIRECT, f"redirect_uri is missing in the request of client {client.id[:80]!r}")
    if not matches(client.redirects, presented):
        raise refuse(Reason.INVALID_REDIRECT, f"redirect_uri: not one that client {client.id[:80]!r} registered")
    state = parameters.get("state", "")
    return ReturnAddress(client, presented, state if _VALUE.match(state) else "")


def asked(address: ReturnAddress, parameters: Mapping[str, str], resources: Container[str]) -> AuthorizationRequest:
    """Stage 2, with each parameter once; one without a value is as if it was not sent (RFC 6749 section 3.1), one that
    nobody knows is ignored. `resources` are ours. Raises `AuthorizationError`."""
    _require_understood(parameters)
    for name in ("state", "nonce"):
        if parameters.get(name) and not _VALUE.match(parameters[name]):
            raise AuthorizationError(ErrorCode.INVALID_REQUEST, f"{name}: expected 1 to 1024 visible ASCII characters")
    resource = _resource(parameters, resources)
    return AuthorizationRequest(
        address=address,
        resource=resource,
        asked=_asked(parameters, resource),
        challenge=_challenge(parameters),
        prompts=_prompts(parameters.get("prompt", "")),
        nonce=parameters.get("nonce", ""),
        max_age_s=_max_age_s(parameters.get("max_age", "")),
        acr=acr_asked(parameters, resource),
    )


def asked_by_device(
    client: Client, device: str, parameters: Mapping[str, str], resources: Container[str]
) -> DeviceRequest:
    """The same of a device authorization request (RFC 8628 section 3.1): `resource`, `scope`, `authorization_details`,
    `acr_values`. Raises `AuthorizationError`."""
    resource = _resource(parameters, resources)
    acr = acr_asked(parameters, resource)
    return DeviceRequest(client, device, resource, _asked(parameters, resource), acr=acr)


def _resource(parameters: Mapping[str, str], resources: Container[str]) -> str:
    resource = parameters.get("resource", "")
    if not resource:
        raise AuthorizationError(ErrorCode.INVALID_TARGET, "resource is missing: name the endpoint (RFC 8707)")
    if resource not in resources:
        raise AuthorizationError(ErrorCode.INVALID_TARGET, f"resource: no endpoint of ours: {resource[:80]}")
    return resource


def _require_understood(parameters: Mapping[str, str]) -> None:
    """Ignored, these would make the request another than its sender meant."""
    if parameters.get("request"):
        raise AuthorizationError(ErrorCode.REQUEST_NOT_SUPPORTED, "request objects are not taken (RFC 9101)")
    if parameters.get("request_uri"):
        raise AuthorizationError(ErrorCode.REQUEST_URI_NOT_SUPPORTED, "request_uri is not taken here (RFC 9101)")
    response_type = parameters.get("response_type", "")
    if not response_type:
        raise AuthorizationError(ErrorCode.INVALID_REQUEST, "response_type is missing; expected code")
    if response_type != "code":
        raise AuthorizationError(ErrorCode.UNSUPPORTED_RESPONSE_TYPE, f"expected code, found {response_type[:80]}")
    if parameters.get("response_mode") not in (None, "", "query"):
        raise AuthorizationError(ErrorCode.INVALID_REQUEST, "response_mode: expected query")
    if parameters.get("claims"):
        raise AuthorizationError(ErrorCode.INVALID_REQUEST, "claims is not understood here")


def _asked(parameters: Mapping[str, str], resource: str) -> Asked | Unspecified:
    """With both parameters, what both cover: a detail narrows, and a scope gives nothing that no detail names."""
    scope, details = parameters.get("scope", ""), parameters.get("authorization_details", "")
    scopes = _scopes(scope)
    if not details:
        return Asked(scopes) if scopes else Unspecified()
    try:
        detailed = parse_details(details, resource)
    except Invalid as error:
        raise AuthorizationError(ErrorCode.INVALID_AUTHORIZATION_DETAILS, error.detail) from error
    if not scopes:
        return detailed
    both = fewest(intersect(scopes, detailed.scopes))
    if not both:
        raise AuthorizationError(ErrorCode.INVALID_SCOPE, "scope and authorization_details have nothing in common")
    return replace(detailed, scopes=both)


def _scopes(text: str) -> frozenset[Scope]:
    try:
        return fewest(parse_scopes(text, names_max=SCOPES_MAX))
    except Invalid as error:
        raise AuthorizationError(ErrorCode.INVALID_SCOPE, error.detail) from error


def _challenge(parameters: Mapping[str, str]) -> CodeChallenge:
    try:
        return CodeChallenge.parse(parameters.get("code_challenge", ""), parameters.get("code_challenge_method", ""))
    except Invalid as error:
        raise AuthorizationError(ErrorCode.INVALID_REQUEST, error.detail) from error


def _prompts(text: str) -> frozenset[Prompt]:
    try:
        prompts = frozenset(Prompt(name) for name in text.split(" ")) if text else frozenset()
    except ValueError:
        known = ", ".join(Prompt)
        raise AuthorizationError(ErrorCode.INVALID_REQUEST, f"prompt: expected some of {known}") from None
    if Prompt.NONE in prompts and len(prompts) > 1:
        raise AuthorizationError(ErrorCode.INVALID_REQUEST, "prompt: none stands alone")
    return prompts


def acr_asked(parameters: Mapping[str, str], resource: str) -> Acr:
    """Any of the values will do (RFC 9470 section 4), so the least of those that are known here. Raises
    `AuthorizationError` if none is, or if it is a passkey and there can be none at the resource's name.
    """
    text = parameters.get("acr_values", "")
    if not text:
        return Acr.NONE
    known = [acr for acr in ASKABLE if acr in text.split(" ") and (acr is not Acr.PASSKEY or relying_party(resource))]
    if not known:
        expected = f"acr_values: expected {' or '.join(ASKABLE)}; a passkey needs a name and no address"
        raise AuthorizationError(ErrorCode.UNMET_AUTHENTICATION_REQUIREMENTS, expected)
    return known[0]


def _max_age_s(text: str) -> float:
    if not text:
        return float("inf")
    if not _SECONDS.match(text):
        raise AuthorizationError(ErrorCode.INVALID_REQUEST, "max_age: expected a whole number of seconds")
    return int(text)
