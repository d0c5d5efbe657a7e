"""Accounts, clients, purposes and administrators, from the words of `remit.yaml` to the values of core."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from remit.app.references import sources
from remit.app.sections import AccountSettings, AdministratorSettings, ClientSettings, PurposeSettings
from remit.app.settings import Configuration, ConfigurationInvalid
from remit.core.administration import Administrator, Role
from remit.core.client_document import DomainRule, DomainTrust
from remit.core.clients import (
    SHARED_ENDPOINT,
    Account,
    Client,
    ClientAuthentication,
    ClientBook,
    ClientTerms,
    Only,
    TenantServers,
)
from remit.core.egress import parse_networks
from remit.core.errors import Refusal
from remit.core.grant import Budget, Calls, Unmetered
from remit.core.purposes import PurposeClass, Tools, Unlisted
from remit.core.registration import REFERENCE
from remit.core.scope import Constraint, OneTool, Scope, ToolName, constraint, parse_scope
from remit.core.secret import Secret
from remit.flows.register_client import RegistrationRules
from remit.flows.registry import Registry

SECRET_BYTES_MIN: Final = 16


def registry(configuration: Configuration) -> Registry:
    """Raises `ConfigurationInvalid`, naming the entry."""
    settings = configuration.settings
    return Registry(
        issuer=settings.public_url,
        accounts={name: _account(name, entry) for name, entry in settings.accounts.items()},
        clients=ClientBook({name: _client(name, entry, configuration) for name, entry in settings.clients.items()}),
        purposes={name: _purpose(name, entry) for name, entry in settings.purposes.items()},
        environments=frozenset(settings.environments),
    )


def domain_rules(configuration: Configuration) -> dict[str, DomainRule]:
    """By pattern. With nothing written, a client of any domain may ask an administrator to let it in."""
    settings = configuration.settings
    everybody = frozenset(settings.tenants)
    if settings.client_documents is None:
        return {"*": DomainRule("*", DomainTrust.ASK, everybody)}
    return {
        pattern: DomainRule(
            pattern,
            DomainTrust(entry.trust),
            everybody if entry.tenants is None else frozenset(entry.tenants),
            parse_networks(tuple(entry.networks)),
            str(configuration.path(entry.ca_file)) if entry.ca_file else "",
        )
        for pattern, entry in settings.client_documents.items()
    }


def registration_rules(configuration: Configuration) -> RegistrationRules | None:
    """Raises `ConfigurationInvalid` if the initial access token cannot be read."""
    entry = configuration.settings.registration
    if entry is None:
        return None
    token = _secret("registration.initial_token", entry.initial_token, configuration) if entry.initial_token else None
    return RegistrationRules(entry.tenant, frozenset(entry.redirect_hosts), entry.clients_max, token)


def administrators(configuration: Configuration) -> tuple[Administrator, ...]:
    """Those that are registered; with none, the user Remit runs as holds every role for every tenant."""
    settings = configuration.settings
    if not settings.administrators:
        everything = frozenset(Role)
        return (Administrator("administrator", dict.fromkeys(settings.tenants, everything), os.getuid()),)
    return tuple(
        Administrator(name, _roles(entry), entry.uid, entry.account) for name, entry in settings.administrators.items()
    )


def _roles(entry: AdministratorSettings) -> dict[str, frozenset[Role]]:
    """By tenant: as they are written, or the same for each of `tenants`."""
    if isinstance(entry.roles, dict):
        return {tenant: frozenset(roles) for tenant, roles in entry.roles.items()}
    return dict.fromkeys(entry.tenants, frozenset(entry.roles))


def _account(name: str, entry: AccountSettings) -> Account:
    absent = entry.scopes is None  # an empty list is a ceiling too: the lowest
    ceiling = TenantServers() if absent else Only(_scopes(f"accounts.{name}.scopes", entry.scopes or []))
    return Account(name, entry.tenant, frozenset(entry.roles), ceiling, entry.passkey == "required")


def _client(name: str, entry: ClientSettings, configuration: Configuration) -> Client:
    terms = None
    if entry.grant is not None:
        template = entry.grant
        terms = ClientTerms(
            purpose=template.purpose,
            environment=template.environment,
            scopes=_scopes(f"clients.{name}.grant.scopes", template.scopes),
            ttl_s=template.ttl_s,
            budget=_budget(template.calls_max),
            idle_s_max=template.idle_s,
        )
    return Client(
        id=name,
        tenants=frozenset({entry.tenant}),
        authentication=ClientAuthentication(entry.auth),
        roles=frozenset(entry.roles),
        keys=entry.jwks,
        secret=_secret(f"clients.{name}.secret", entry.secret, configuration) if entry.secret else None,
        terms=terms,
        redirects=frozenset(entry.redirect_uris),
        require_par=entry.require_par,
        device=entry.device,
        introspects=frozenset(_resource(configuration.settings.public_url, name) for name in entry.introspects),
    )


def _resource(issuer: str, name: str) -> str:
    return issuer + SHARED_ENDPOINT if name == SHARED_ENDPOINT else f"{issuer}{SHARED_ENDPOINT}/{name}"


def _purpose(name: str, entry: PurposeSettings) -> PurposeClass:
    where = f"purposes.{name}"
    try:
        tools = [ToolName.parse(text) for text in entry.tools or []]
        limits = frozenset(_constraints(entry.arguments))
    except Refusal as refusal:
        raise ConfigurationInvalid([f"{where}: {refusal.detail}"]) from None
    scopes: frozenset[Scope] = frozenset(OneTool(tool.server, tool.tool) for tool in tools)
    needed = Unlisted() if entry.tools is None else Tools(scopes)
    return PurposeClass(name, needed, limits, entry.ttl_s, _budget(entry.calls_max))


def _constraints(arguments: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> list[Constraint]:
    """`tool -> argument -> check -> value or values`."""
    return [
        constraint(ToolName.parse(tool), argument, check, values if isinstance(values, list) else [values])
        for tool, named in arguments.items()
        for argument, checks in named.items()
        for check, values in checks.items()
    ]


def _budget(calls_max: int | None) -> Budget:
    return Unmetered() if calls_max is None else Calls(calls_max)


def _scopes(where: str, texts: list[str]) -> frozenset[Scope]:
    try:
        return frozenset(parse_scope(text) for text in texts)
    except Refusal as refusal:
        raise ConfigurationInvalid([f"{where}: {refusal.detail}"]) from None


def _secret(where: str, reference: str, configuration: Configuration) -> Secret:
    """The value a reference names. Read once, at start: a client's secret changes with a restart."""
    match = REFERENCE.fullmatch(reference)
    if match is None:
        raise ConfigurationInvalid([f"{where}: expected a reference like ${{env:NAME}} or ${{file:PATH}}"])
    try:
        secret = sources(configuration)[match["source"]](match["name"])
    except Refusal as refusal:
        raise ConfigurationInvalid([f"{where}: {refusal.detail}"]) from None
    if len(secret.expose()) < SECRET_BYTES_MIN:
        raise ConfigurationInvalid([f"{where}: {reference} holds less than {SECRET_BYTES_MIN} bytes"])
    return secret
