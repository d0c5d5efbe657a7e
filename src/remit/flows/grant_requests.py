"""What a grant is asked for with, by each of the three ways there are, and the draft all of them come to."""

from __future__ import annotations

from dataclasses import dataclass, field

from remit.core.authentication import NOBODY, Authentication
from remit.core.clients import Ceiling, Client, ClientTerms, Only
from remit.core.errors import refuse
from remit.core.grant import BY_ADMINISTRATION, BY_CLIENT_CREDENTIALS, BY_CONSENT, Budget, Origin, Unmetered
from remit.core.principals import Attestation, Presence, Principal, PrincipalKind
from remit.core.reasons import Reason
from remit.core.scope import Constraint, Scope
from remit.flows.registry import Registry


@dataclass(frozen=True, slots=True)
class GrantLimits:
    """Caps that nothing exceeds. Administration hands out one token for the whole grant, so both are short."""

    administration_ttl_s_default: float = 900.0
    administration_ttl_s_max: float = 3600.0
    client_ttl_s_max: float = 86_400.0
    client_token_ttl_s: float = 300.0
    consent_ttl_s_max: float = 28_800.0
    consent_token_ttl_s: float = 300.0
    consent_idle_s_max: float = 14_400.0
    admin_api_ttl_s_max: float = 3600.0
    admin_api_idle_s_max: float = 900.0
    idle_s_max: float = 3600.0


@dataclass(frozen=True, slots=True)
class AdministrationRequest:
    """`remit grant create`. `resource` is a path below the issuer or a whole URL. Empty `scopes` ask for all there is.

    `purpose_class` names an entry of the purpose catalogue, which narrows the grant; empty names none. `administrator`
    becomes the actor; `assurance` is `same-user` when the agent could act as Remit's own user.
    """

    account: str
    client: str
    purpose: str
    resource: str
    environment: str
    administrator: str
    assurance: str
    purpose_class: str = ""
    scopes: frozenset[Scope] = frozenset()
    ttl_s: float | None = None
    budget: Budget = field(default_factory=Unmetered)
    presence: Presence = Presence.AUTONOMOUS


@dataclass(frozen=True, slots=True)
class ConsentRequest:
    """What a person is asked to agree to, or agreed to: that this client acts for their account. `consent` names the
    agreement, `grant_id` the grant it makes, so that asking for it twice makes it once, and `login` the request it came
    of.
    """

    account: str
    client: str
    resource: str
    environment: str
    purpose: str
    purpose_class: str = ""
    scopes: frozenset[Scope] = frozenset()
    constraints: frozenset[Constraint] = frozenset()
    ttl_s: float = float("inf")
    budget: Budget = field(default_factory=Unmetered)
    consent: str = ""
    grant_id: str = ""
    login: str = ""
    authentication: Authentication = NOBODY


@dataclass(frozen=True, slots=True)
class Draft:
    """The ways of asking in one shape, before anything is narrowed. Empty `asked` asks for all there is."""

    tenant: str
    environment: str
    subject: Principal
    roles: frozenset[str]
    client_id: str
    attestation: Attestation
    actors: tuple[str, ...]
    presence: Presence
    purpose: str
    purpose_class: str
    resource: str
    ceiling: Ceiling
    asked: frozenset[Scope]
    ttl_s: float
    budget: Budget
    idle_s_max: float
    origin: Origin
    constraints: frozenset[Constraint] = frozenset()
    grant_id: str = ""
    authentication: Authentication = NOBODY


def of_administration(request: AdministrationRequest, registry: Registry, limits: GrantLimits) -> Draft:
    """Raises `Invalid` for whom nobody registered, `Denied` for an administrator without a name."""
    account = registry.accounts.get(request.account)
    if account is None:
        raise refuse(Reason.INVALID_PARAMS, f"no account {request.account[:80]!r} is registered")
    client = registry.clients.get(request.client)
    if client is None or account.tenant not in client.tenants:
        raise refuse(Reason.INVALID_PARAMS, f"no client {request.client[:80]!r} is registered for {account.tenant}")
    if not request.administrator:
        raise refuse(Reason.CONTEXT_MISSING, "the administrator is not named")
    asked_s = limits.administration_ttl_s_default if request.ttl_s is None else request.ttl_s
    resource = registry.issuer + request.resource if request.resource.startswith("/") else request.resource
    return Draft(
        tenant=account.tenant, environment=request.environment, subject=Principal(PrincipalKind.HUMAN, account.id),
        roles=account.roles, client_id=client.id, attestation=client.attestation, actors=(request.administrator,),
        presence=request.presence, purpose=request.purpose, purpose_class=request.purpose_class,
        resource=resource, ceiling=account.ceiling,
        asked=request.scopes, ttl_s=min(asked_s, limits.administration_ttl_s_max), budget=request.budget,
        idle_s_max=limits.idle_s_max,
        origin=Origin(BY_ADMINISTRATION, request.administrator, request.assurance),
    )  # fmt: skip


def of_consent(request: ConsentRequest, registry: Registry, limits: GrantLimits) -> Draft:
    """Raises `Invalid` for an account and a client that nobody registered with one tenant."""
    account, client = registry.accounts.get(request.account), registry.clients.get(request.client)
    if account is None or client is None or account.tenant not in client.tenants:
        raise refuse(Reason.INVALID_PARAMS, "the account or the client is not registered, or not with one tenant")
    ttl_s, idle_s = limits.consent_ttl_s_max, limits.consent_idle_s_max
    if registry.administration.is_for(request.resource):
        ttl_s, idle_s = limits.admin_api_ttl_s_max, limits.admin_api_idle_s_max
    return Draft(
        tenant=account.tenant, environment=request.environment, subject=Principal(PrincipalKind.HUMAN, account.id),
        roles=account.roles, client_id=client.id, attestation=client.attestation, actors=(),
        presence=Presence.INTERACTIVE, purpose=request.purpose, purpose_class=request.purpose_class,
        resource=request.resource, ceiling=account.ceiling, asked=request.scopes,
        ttl_s=min(request.ttl_s, ttl_s), budget=request.budget,
        idle_s_max=idle_s, origin=Origin(BY_CONSENT, request.consent),
        constraints=request.constraints, grant_id=request.grant_id, authentication=request.authentication,
    )  # fmt: skip


def of_client(client: Client, terms: ClientTerms, resource: str, asked: frozenset[Scope], limits: GrantLimits) -> Draft:
    """A client that asks for itself, within the terms it was registered with."""
    return Draft(
        tenant=client.tenant, environment=terms.environment, subject=Principal(PrincipalKind.CLIENT, client.id),
        roles=client.roles, client_id=client.id, attestation=client.attestation, actors=(),
        presence=Presence.AUTONOMOUS, purpose=terms.purpose, purpose_class="", resource=resource,
        ceiling=Only(terms.scopes), asked=asked, ttl_s=min(terms.ttl_s, limits.client_ttl_s_max),
        budget=terms.budget, idle_s_max=min(terms.idle_s_max, limits.idle_s_max),
        origin=Origin(BY_CLIENT_CREDENTIALS, client.id),
    )  # fmt: skip
