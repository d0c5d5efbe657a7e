"""Names that nobody has in the configuration: what they might have been meant to be."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from remit.app.sections import Settings

SHOWN_MAX = 12
SERVERS = "remit server list shows yours"
DECISIONS = "remit audit tail shows the newest"


def near(name: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?`, or nothing."""
    found = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {found[0]!r}?" if found else ""


def advice(kind: str, name: str, known: Collection[str]) -> str:
    """What there is instead of this account, client, server or tenant."""
    names = ", ".join(sorted(known)[:SHOWN_MAX]) or "none"
    more = f" and {len(known) - SHOWN_MAX} more" if len(known) > SHOWN_MAX else ""
    return f"{near(name, known)} {kind}s: {names}{more}".strip()


def advice_on_grant(settings: Settings, asked: Mapping[str, Any]) -> str:
    """What to say to the first name in `grant.create`'s arguments that the account's tenant does not have; empty when
    it has them all."""
    user, client = str(asked["user"]), str(asked["client"])
    account = settings.accounts.get(user)
    if account is None:
        return "" if user in settings.clients else advice("account", user, settings.accounts)
    clients = [name for name, found in settings.clients.items() if found.tenant == account.tenant]
    if client not in clients:
        return advice("client", client, clients)
    servers = [name.partition("/")[0] for name in asked["tools"]] + [name.partition(":")[0] for name in asked["scopes"]]
    known = [name for name, found in settings.servers.items() if account.tenant in found.tenants]
    unknown = next((name for name in servers if name not in known), None)  # another tenant's looks like nobody's
    return "" if unknown is None else advice("server", unknown, known)


def is_unknown(settings: Settings, kind: str, name: str) -> bool:
    """Whether nobody of this name is configured: a typing error must not pass for an answer."""
    known: dict[str, Collection[str]] = {
        "user": {*settings.accounts, *settings.clients},  # a client may act for itself
        "client": settings.clients,
        "server": settings.servers,
        "tenant": settings.tenants,
    }
    return kind in known and name not in known[kind]
