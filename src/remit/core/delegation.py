"""An administrator lets another person administer, for a while: what they hold themselves now, and no more."""

from __future__ import annotations

from typing import Final

from remit.core.administration import Administrator, Role
from remit.core.rows import Stored

DELEGATION_S_MIN: Final = 60.0
DELEGATION_S_MAX: Final = 2_592_000.0


class Delegation(Stored, frozen=True, tag="remit.delegation/1"):
    """`by` names the administrator, `account` who is let. Times are seconds since the epoch."""

    by: str
    account: str
    roles: tuple[Role, ...]
    tenants: tuple[str, ...]
    delegated_at_s: float
    expires_at_s: float


def delegated(delegation: Delegation, delegator: Administrator, *, now_s: float) -> Administrator:
    """Whom it makes an administrator at this moment: for each tenant the roles that were delegated and that the
    delegator still holds. Before it was made (the clock was set back) and after its time that is none.
    """
    within = delegation.delegated_at_s <= now_s < delegation.expires_at_s
    given = frozenset(delegation.roles) if within else frozenset()
    return Administrator(
        name=f"{delegation.account} (delegated by {delegation.by})",
        roles={tenant: given & delegator.roles.get(tenant, frozenset()) for tenant in delegation.tenants},
        account=delegation.account,
        delegated_by=delegation.by,
    )
