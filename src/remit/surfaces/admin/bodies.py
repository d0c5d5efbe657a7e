"""What a request to the administration API may say, by shape: the unknown, the untyped and the too long are refused."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from remit.core.administration import Role
from remit.core.delegation import DELEGATION_S_MAX, DELEGATION_S_MIN

Text = Annotated[str, Meta(min_length=1, max_length=1024)]
Words = Annotated[str, Meta(min_length=1, max_length=4096)]
Listed = Annotated[list[Text], Meta(max_length=256)]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Position = Annotated[int, Meta(ge=0, le=9_223_372_036_854_775_807)]
Seconds = Annotated[float, Meta(ge=1, le=31_536_000)]


class Asked(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of bodies and queries. A member that is left out is not asked for."""


class GrantWanted(Asked, frozen=True):
    """A grant to be made for an account, used through a client. Without `tools` and `scopes` it covers all it may."""

    user: Text
    client: Text
    purpose: Words
    purpose_class: Text | UnsetType = UNSET
    tools: Listed | UnsetType = UNSET
    scopes: Listed | UnsetType = UNSET
    resource: Text | UnsetType = UNSET
    environment: Text | UnsetType = UNSET
    ttl_s: Seconds | UnsetType = UNSET
    calls_max: Count | UnsetType = UNSET
    presence: Literal["interactive", "autonomous"] | UnsetType = UNSET


class GrantsChosen(Asked, frozen=True):
    user: Text | UnsetType = UNSET
    client: Text | UnsetType = UNSET
    tenant: Text | UnsetType = UNSET
    server: Text | UnsetType = UNSET


class Revocation(Asked, frozen=True):
    """Which grants to end: those that fit all that is named, or everything."""

    user: Text | UnsetType = UNSET
    client: Text | UnsetType = UNSET
    server: Text | UnsetType = UNSET
    tenant: Text | UnsetType = UNSET
    actor: Text | UnsetType = UNSET
    grant: Text | UnsetType = UNSET
    everything: bool | UnsetType = UNSET


class DelegationWanted(Asked, frozen=True):
    """Who is let administer: some of the roles one holds, for some of the tenants, for at most thirty days."""

    account: Text
    roles: Annotated[list[Role], Meta(min_length=1, max_length=8)]
    tenants: Annotated[list[Text], Meta(min_length=1, max_length=256)]
    ttl_s: Annotated[float, Meta(ge=DELEGATION_S_MIN, le=DELEGATION_S_MAX)]


class Confirmation(Asked, frozen=True):
    """The digest that the proposal was shown with."""

    digest: Text


class Approval(Asked, frozen=True):
    """One item as the changes showed it; `digest` is empty for an item that is gone."""

    item: Text
    digest: Annotated[str, Meta(max_length=256)]


Url = Annotated[str, Meta(min_length=1, max_length=2048)]


class ClientChosen(Asked, frozen=True):
    """A client by the URL it describes itself at; for one tenant, or for all that the administrator has."""

    client: Url
    tenant: Text | UnsetType = UNSET


class Admission(ClientChosen, frozen=True, kw_only=True):
    """As its document was shown under this digest."""

    digest: Annotated[str, Meta(max_length=256)]


class OfWhom(Asked, frozen=True):
    user: Text | UnsetType = UNSET
    client: Url | UnsetType = UNSET


class ConsentRuleWanted(Asked, frozen=True):
    """For everybody of the tenant, or for `users` alone: what a client may have without asking them."""

    client: Url
    scopes: Listed
    environment: Text
    purpose: Words
    purpose_class: Text | UnsetType = UNSET
    users: Listed | UnsetType = UNSET
    tenant: Text | UnsetType = UNSET
    ttl_s: Seconds | UnsetType = UNSET


class Prohibition(Asked, frozen=True):
    """What nobody of the tenant can let a client have: whole servers, or without `scopes` anything."""

    client: Url
    scopes: Listed | UnsetType = UNSET
    tenant: Text | UnsetType = UNSET


class RecordsChosen(Asked, frozen=True):
    """Records after this sequence number, at most so many."""

    after: Position | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=1000)] | UnsetType = UNSET


# Of a query, what is a whole number; msgspec alone would also read 1e2 as one.
NUMBERS: Final = frozenset(RecordsChosen.__struct_fields__)


class Supposed(Asked, frozen=True):
    """The arguments that the decision may have been about. They are looked at and kept nowhere."""

    arguments: dict[str, Any]
