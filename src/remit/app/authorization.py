"""The authorization server's flows, wired: how a grant is asked for, agreed to, made and exchanged for tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from remit.adapters.authenticator.client_assertions import JwtAssertions
from remit.adapters.dialler.fetcher import CheckedFetcher
from remit.adapters.sealer.aead import AeadSealer
from remit.app.files import Files
from remit.app.registry import domain_rules, registration_rules
from remit.app.settings import Configuration
from remit.core.catalog import Catalog
from remit.core.grantbook import GrantBook
from remit.flows.authorize import Authorize
from remit.flows.authorize_device import AuthorizeDevice
from remit.flows.client_authentication import AuthenticateClient
from remit.flows.codes import Codes
from remit.flows.consent_rules import ConsentRules
from remit.flows.consents import Consents
from remit.flows.create_grant import CreateGrant
from remit.flows.device_requests import DeviceRequests
from remit.flows.end_grant import EndGrant
from remit.flows.introspect import Introspect
from remit.flows.own_grants import OwnGrants
from remit.flows.push_request import PushRequest
from remit.flows.redeem import Redeem
from remit.flows.register_client import RegisterClient
from remit.flows.registry import Registry
from remit.flows.remembered import Remember
from remit.flows.self_described import SelfDescribed
from remit.flows.token import IssueToken
from remit.flows.tool_call import ToolCall


@dataclass(frozen=True, slots=True)
class Granting:
    """What a grant is made of, and where it is kept while it lives."""

    registered: Registry
    catalog: Callable[[], Catalog]
    grants: GrantBook
    sealer: AeadSealer


class Authorization(NamedTuple):
    """Every flow by its name in `Remit`."""

    create_grant: CreateGrant
    described: SelfDescribed
    register: RegisterClient
    authorize: Authorize
    consent_rules: ConsentRules
    remember: Remember
    own_grants: OwnGrants
    redeem: Redeem
    push: PushRequest
    device: AuthorizeDevice
    token: IssueToken
    introspect: Introspect


def authorization(
    configuration: Configuration,
    files: Files,
    granting: Granting,
    fetcher: CheckedFetcher,
    end_grant: EndGrant,
    walk: ToolCall,
) -> Authorization:
    """Raises `ConfigurationInvalid`."""
    registered, grants, sealer = granting.registered, granting.grants, granting.sealer
    keeping = (files.store, files.ledger, files.clock, files.entropy)
    rules = ConsentRules(*keeping)
    create_grant = CreateGrant(
        registered, granting.catalog, grants, files.store, files.ledger, files.keys.tokens, files.clock, files.entropy,
        forbids=rules.forbids,
    )  # fmt: skip
    described = SelfDescribed(registered.clients, domain_rules(configuration), fetcher, *keeping)
    devices = DeviceRequests(files.store, sealer, files.clock, files.entropy)
    consents, codes = Consents(*keeping), Codes(files.store, files.clock)
    authorize = Authorize(create_grant, sealer, files.clock, files.entropy, described, devices, consents, codes)
    redeem = Redeem(create_grant, authorize, end_grant, sealer)
    assertions = client_assertions(files, registered.issuer)
    authenticate = AuthenticateClient(create_grant, assertions, files.ledger, files.clock, files.entropy)
    device = AuthorizeDevice(authenticate, authorize, redeem)
    return Authorization(
        create_grant=create_grant,
        described=described,
        register=RegisterClient(registration_rules(configuration), registered.clients, consents.is_agreed_to, *keeping),
        authorize=authorize,
        consent_rules=rules,
        remember=Remember(authorize, rules),
        own_grants=OwnGrants(grants, end_grant, authorize, files.clock),
        redeem=redeem,
        push=PushRequest(authenticate, files.store),
        device=device,
        token=IssueToken(create_grant, redeem, authenticate, device, files.clock),
        introspect=Introspect(authenticate, walk.authenticator, grants, files.keys.tokens),
    )


def client_assertions(files: Files, issuer: str) -> JwtAssertions:
    """What a client may name as who it proves itself to: us, or the endpoint it asks (RFC 7523, RFC 9126 section 2)."""
    return JwtAssertions(files.clock, audiences=frozenset({issuer, f"{issuer}/token", f"{issuer}/par"}))
