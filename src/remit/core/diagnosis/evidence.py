"""What the walk found, and what a client would make of it: which document counts, which address is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Final

from remit.core.diagnosis.challenge import Challenge
from remit.core.diagnosis.heard import Heard, host, origin, text, texts

ENDPOINTS: Final = (
    "authorization_endpoint", "token_endpoint", "registration_endpoint", "pushed_authorization_request_endpoint",
    "device_authorization_endpoint", "revocation_endpoint", "introspection_endpoint", "jwks_uri",
)  # fmt: skip


class Reach(StrEnum):
    """Where a host name leads, seen from here."""

    PUBLIC = "public"
    INSIDE = "inside"
    NOWHERE = "nowhere"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it reads, verified by nobody. `claims` None: it is no JWT, and only its server can read it."""

    claims: Mapping[str, Any] | None
    kind: str = ""


@dataclass(frozen=True)
class Evidence:
    """`url` is what was typed. `reach` tells of every host that a document or header named. `authorize` holds
    what was answered with `redirect`, and, if that is plain http to loopback, with `redirect_elsewhere`, which has
    another port. `now_s` is of the clock here, and `skew_s` is how far the
    server's clock is ahead of the one here; None if it does not tell."""

    url: str
    asked: tuple[Heard, ...] = ()
    resource: tuple[Heard, ...] = ()
    issuer: str = ""
    servers: tuple[Heard, ...] = ()
    client_id: str = ""
    redirect: str = ""
    redirect_elsewhere: str = ""
    authorize: tuple[Heard, ...] = ()
    token: Token | None = None
    calls: tuple[Heard, ...] = ()
    reach: Mapping[str, Reach] = field(default_factory=dict)
    now_s: float = 0.0
    skew_s: float | None = None

    @property
    def answered(self) -> Heard | None:
        """The first answer of the endpoint, whatever it says."""
        return next((heard for heard in self.asked if heard.status), None)

    @property
    def is_open(self) -> bool:
        """It does what is asked without a token."""
        return any(heard.result is not None for heard in self.asked)

    @property
    def refusal(self) -> Heard | None:
        """The 401 that sends a client to log in: the one that says most."""
        refusals = [heard for heard in self.asked if heard.status == 401]
        telling = [heard for heard in refusals if heard.challenges.bearer is not None]
        return next(iter([*telling, *refusals]), None)

    @property
    def challenge(self) -> Challenge | None:
        return self.refusal.challenges.bearer if self.refusal is not None else None

    @property
    def metadata_named(self) -> str:
        """Where the 401 says that the metadata is."""
        return (self.challenge.parameter("resource_metadata") if self.challenge else None) or ""

    @property
    def resource_heard(self) -> Heard | None:
        """The protected resource metadata a client uses: the first that is one."""
        return next((heard for heard in self.resource if "resource" in (heard.document or {})), None)

    @property
    def resource_document(self) -> Mapping[str, Any]:
        return (self.resource_heard.document if self.resource_heard else None) or {}

    @property
    def resource_named(self) -> str:
        return text(self.resource_document.get("resource"))

    @property
    def issuers(self) -> tuple[str, ...]:
        return texts(self.resource_document.get("authorization_servers"))

    @property
    def server_heard(self) -> Heard | None:
        """The authorization server metadata a client uses."""
        return next((heard for heard in self.servers if "issuer" in (heard.document or {})), None)

    @property
    def server(self) -> Mapping[str, Any]:
        return (self.server_heard.document if self.server_heard else None) or {}

    @property
    def scopes_asked(self) -> tuple[str, ...]:
        """What a client asks for first: the challenge's scope, else what the metadata lists."""
        challenged = self.challenge.parameter("scope") if self.challenge else None
        return tuple(challenged.split()) if challenged else texts(self.resource_document.get("scopes_supported"))

    @property
    def typed_inside(self) -> bool:
        return self.reach.get(host(self.url)) is Reach.INSIDE

    @property
    def their_now_s(self) -> float:
        return self.now_s + (self.skew_s or 0.0)

    @property
    def walked_as_legacy(self) -> bool:
        """No metadata of the resource: clients of 2025-03-26 take the server's own origin for the authorization
        server."""
        return self.resource_heard is None and self.issuer == origin(self.url)

    @cached_property
    def advertised(self) -> tuple[tuple[str, str], ...]:
        """Every address a document or header sends a client to, and which member says so."""
        return tuple((what, url) for what, url in self._advertised() if url)

    def _advertised(self) -> Iterator[tuple[str, str]]:
        yield "WWW-Authenticate resource_metadata", self.metadata_named
        yield "resource", self.resource_named
        for issuer in self.issuers:
            yield "authorization_servers", issuer
        yield "issuer", text(self.server.get("issuer"))
        for name in ENDPOINTS:
            yield name, text(self.server.get(name))
