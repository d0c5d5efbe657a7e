"""Who is registered: accounts people act under, clients that may ask for tokens, and how far each may ever reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from remit.core.grant import Budget
from remit.core.principals import Attestation
from remit.core.scope import Scope, intersect
from remit.core.secret import Secret

# The endpoint that all servers share; any other is this and `/SERVER`.
SHARED_ENDPOINT: Final = "/mcp"


@dataclass(frozen=True, slots=True)
class TenantServers:
    """As far as the tenant reaches: every server that serves it in the grant's environment. Policy decides the rest."""


@dataclass(frozen=True, slots=True)
class Only:
    """These scopes and nothing else."""

    scopes: frozenset[Scope]


Ceiling = TenantServers | Only


def reach(ceiling: Ceiling, available: frozenset[Scope]) -> frozenset[Scope]:
    """What the ceiling leaves of what is there."""
    return available if isinstance(ceiling, TenantServers) else intersect(ceiling.scopes, available)


@dataclass(frozen=True, slots=True)
class Account:
    """A person's account of our own. A grant for it is never wider than `ceiling`. With `passkey_required` a password
    alone lets nobody in.
    """

    id: str
    tenant: str
    roles: frozenset[str]
    ceiling: Ceiling = field(default_factory=TenantServers)
    passkey_required: bool = False


class ClientAuthentication(StrEnum):
    """How a client proves who it is at the token endpoint. `none` proves nothing and gets no token there."""

    NONE = "none"
    PRIVATE_KEY_JWT = "private_key_jwt"
    CLIENT_SECRET_BASIC = "client_secret_basic"


@dataclass(frozen=True, slots=True)
class ClientTerms:
    """What a client may be granted for itself (client_credentials): the widest grant it can get."""

    purpose: str
    environment: str
    scopes: frozenset[Scope]
    ttl_s: float
    budget: Budget
    idle_s_max: float = float("inf")


@dataclass(frozen=True, slots=True)
class Client:
    """A client that is let in. `keys` is its public JWK set (private_key_jwt), `secret` its secret
    (client_secret_basic).

    `tenants` are those whose people it may act for. `terms` None: it is granted nothing for itself and may only be
    named in a grant that somebody else makes. `redirects` are the checked URIs that answers of the authorization
    endpoint may go to; without any, none may. `domain` is the host it is described at (client id metadata document),
    and `name` what it calls itself there, which nobody has verified. `require_par`: what it asks people for it pushes
    here itself first (RFC 9126). `introspects` are the resources whose tokens it may ask about (RFC 7662); without any,
    none. `device`: it runs where there is no browser (RFC 8628).
    """

    id: str
    tenants: frozenset[str]
    authentication: ClientAuthentication
    roles: frozenset[str] = frozenset()
    keys: Mapping[str, Any] = field(default_factory=dict)
    secret: Secret | None = None
    terms: ClientTerms | None = None
    redirects: frozenset[str] = frozenset()
    domain: str = ""
    name: str = ""
    self_registered: bool = False
    require_par: bool = False
    introspects: frozenset[str] = frozenset()
    device: bool = False

    @property
    def proven(self) -> bool:
        """Whether somebody here knows who holds its key or secret. A client that registered itself may be anybody."""
        return self.authentication is not ClientAuthentication.NONE and not self.self_registered

    @property
    def attestation(self) -> Attestation:
        if self.domain:
            return Attestation.METADATA_DOCUMENT
        return Attestation.REGISTERED if self.proven else Attestation.NONE

    @property
    def tenant(self) -> str:
        """The one tenant it belongs to; empty for one that several let in."""
        return next(iter(self.tenants)) if len(self.tenants) == 1 else ""


class ClientBook(Mapping[str, Client]):
    """Every client that is let in, by id: those of the configuration, which nothing replaces, and those that described
    themselves."""

    def __init__(self, registered: Mapping[str, Client]) -> None:
        self._registered = dict(registered)
        self._described: dict[str, Client] = {}

    def __getitem__(self, id: str) -> Client:
        return self._registered[id] if id in self._registered else self._described[id]

    def __iter__(self) -> Iterator[str]:
        return iter([*self._registered, *(id for id in self._described if id not in self._registered)])

    def __len__(self) -> int:
        return len(self._registered.keys() | self._described.keys())

    def is_registered(self, id: str) -> bool:
        return id in self._registered

    def let_in(self, client: Client) -> None:
        self._described[client.id] = client

    def shut_out(self, id: str) -> None:
        self._described.pop(id, None)
