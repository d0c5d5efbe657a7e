"""What the operator registered: who there is, and what a token can be for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from remit.core.authorization_request import Resources
from remit.core.clients import Account, ClientBook
from remit.core.purposes import PurposeClass
from remit.flows.admin_audience import NO_ENVIRONMENT, AdminAudience


@dataclass(frozen=True, slots=True)
class Registry:
    """What the operator registered. `issuer` is the public URL without a trailing slash; resources are below it."""

    issuer: str
    accounts: Mapping[str, Account]
    clients: ClientBook
    purposes: Mapping[str, PurposeClass]
    environments: frozenset[str]
    administration: AdminAudience = field(default_factory=AdminAudience)

    @property
    def resources(self) -> Resources:
        return Resources(self.issuer, self.administration.url)

    def environments_at(self, resource: str) -> frozenset[str]:
        return NO_ENVIRONMENT if self.administration.is_for(resource) else self.environments
