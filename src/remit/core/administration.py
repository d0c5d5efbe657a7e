"""Administrative acts: who may do what, for which tenant. A table; what it does not list is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from remit.core.errors import refuse
from remit.core.reasons import Reason


class Role(StrEnum):
    """Separate on purpose: nobody writes policy, approves, deploys, holds keys and reads records by one role."""

    SERVER = "server"
    POLICY = "policy"
    APPROVAL = "approval"
    KEY = "key"
    AUDIT = "audit"


class Act(StrEnum):
    GRANT_CREATE = "grant.create"
    GRANT_LIST = "grant.list"
    GRANT_END = "grant.end"
    REVOKE = "revoke"
    SERVER_LIST = "server.list"
    SERVER_DIFF = "server.diff"
    SERVER_APPROVE = "server.approve"
    POLICY_CHECK = "policy.check"
    POLICY_RELOAD = "policy.reload"
    AUDIT_READ = "audit.read"
    AUDIT_EXPORT = "audit.export"
    AUDIT_PROVE = "audit.prove"
    AUDIT_ERASE = "audit.erase"
    EXPLAIN = "explain"
    KEY_ROTATE = "key.rotate"
    ACCOUNT_INVITE = "account.invite"
    CONSENT_LIST = "consent.list"
    CONSENT_END = "consent.end"
    CONSENT_RULES = "consent.rules"
    CONSENT_APPROVE = "consent.approve"
    CONSENT_FORBID = "consent.forbid"
    CONSENT_DROP = "consent.drop"
    ACCOUNT_FIRST = "account.first"
    ACCOUNT_RECOVER = "account.recover"
    CLIENT_LIST = "client.list"
    CLIENT_SHOW = "client.show"
    CLIENT_ADMIT = "client.admit"
    CLIENT_REFUSE = "client.refuse"
    LOGIN_LIST = "login.list"
    LOGIN_TRACE = "login.trace"
    STATUS = "status"


class Reach(StrEnum):
    """Whether an act is about one tenant's things or about the process that serves all of them."""

    TENANT = "tenant"
    PROCESS = "process"


@dataclass(frozen=True, slots=True)
class Rule:
    """Any one of `roles` permits the act. `changes`: whether it changes anything; the audit role only ever reads."""

    roles: frozenset[Role]
    changes: bool
    reach: Reach = Reach.TENANT


def _rule(*roles: Role, changes: bool, reach: Reach = Reach.TENANT) -> Rule:
    return Rule(frozenset(roles), changes, reach)


RULES: Final[dict[Act, Rule]] = {
    Act.GRANT_CREATE: _rule(Role.APPROVAL, changes=True),
    Act.GRANT_LIST: _rule(Role.APPROVAL, Role.AUDIT, changes=False),
    Act.GRANT_END: _rule(Role.APPROVAL, changes=True),
    Act.REVOKE: _rule(Role.APPROVAL, changes=True),
    Act.SERVER_LIST: _rule(Role.SERVER, Role.POLICY, Role.APPROVAL, Role.AUDIT, changes=False),
    Act.SERVER_DIFF: _rule(Role.SERVER, Role.AUDIT, changes=False),
    Act.SERVER_APPROVE: _rule(Role.SERVER, changes=True),
    Act.POLICY_CHECK: _rule(Role.POLICY, Role.AUDIT, changes=False),
    Act.POLICY_RELOAD: _rule(Role.POLICY, changes=True),
    Act.AUDIT_READ: _rule(Role.AUDIT, changes=False),
    Act.AUDIT_EXPORT: _rule(Role.AUDIT, changes=False),
    Act.AUDIT_PROVE: _rule(Role.AUDIT, changes=False),
    Act.AUDIT_ERASE: _rule(Role.KEY, changes=True),  # a salt is a key: whoever reads the records cannot blind them
    Act.EXPLAIN: _rule(Role.AUDIT, Role.POLICY, Role.APPROVAL, changes=False),
    Act.ACCOUNT_INVITE: _rule(Role.APPROVAL, changes=True),  # who may make grants in a person's name anyway
    Act.CONSENT_LIST: _rule(Role.APPROVAL, Role.AUDIT, changes=False),
    Act.CONSENT_END: _rule(Role.APPROVAL, changes=True),
    Act.CONSENT_RULES: _rule(Role.APPROVAL, Role.AUDIT, changes=False),
    Act.CONSENT_APPROVE: _rule(Role.APPROVAL, changes=True),
    Act.CONSENT_FORBID: _rule(Role.APPROVAL, changes=True),
    Act.CONSENT_DROP: _rule(Role.APPROVAL, changes=True),
    Act.ACCOUNT_FIRST: _rule(Role.APPROVAL, changes=True),
    Act.ACCOUNT_RECOVER: _rule(Role.APPROVAL, changes=True),
    Act.CLIENT_LIST: _rule(Role.APPROVAL, Role.AUDIT, changes=False),
    Act.CLIENT_SHOW: _rule(Role.APPROVAL, changes=True),  # it sends a request, and keeps what came
    Act.CLIENT_ADMIT: _rule(Role.APPROVAL, changes=True),
    Act.CLIENT_REFUSE: _rule(Role.APPROVAL, changes=True),
    Act.LOGIN_LIST: _rule(Role.AUDIT, Role.APPROVAL, changes=False),
    Act.LOGIN_TRACE: _rule(Role.AUDIT, Role.APPROVAL, changes=False),
    Act.KEY_ROTATE: _rule(Role.KEY, changes=True, reach=Reach.PROCESS),
    Act.STATUS: _rule(*Role, changes=False, reach=Reach.PROCESS),
}


@dataclass(frozen=True, slots=True)
class Administrator:
    """An operator, known by the operating-system user at the other end of the local socket."""

    name: str
    uid: int
    roles: frozenset[Role]
    tenants: frozenset[str]


@dataclass(frozen=True, slots=True)
class ActPermitted:
    """That this administrator may do this act, and for which tenants."""

    administrator: Administrator
    act: Act
    tenants: frozenset[str]
    decision_id: str


def administrator_of(uid: int, administrators: Iterable[Administrator]) -> Administrator:
    """Raises `Denied` (`role_missing`) for a user that is no administrator, and for one registered twice."""
    found = [administrator for administrator in administrators if administrator.uid == uid]
    if len(found) != 1:
        raise refuse(Reason.ROLE_MISSING, f"uid {uid} is registered as {len(found)} administrators, expected one")
    return found[0]


def decide(administrator: Administrator, act: Act, tenants: frozenset[str], *, decision_id: str) -> ActPermitted:
    """Raises `Denied` (`role_missing`). `tenants` are those the act touches: it is permitted for all or not at all.

    An act about the process names no tenant; an act about tenants must name at least one.
    """
    rule = RULES[act]
    if not rule.roles & administrator.roles:
        wanted = " or ".join(sorted(rule.roles))
        raise refuse(Reason.ROLE_MISSING, f"{act} needs the role {wanted}; {administrator.name} does not hold it")
    if rule.reach is Reach.PROCESS:
        return ActPermitted(administrator, act, administrator.tenants, decision_id)
    if not tenants:
        raise refuse(Reason.ROLE_MISSING, f"{act} must say for which tenant")
    foreign = sorted(tenants - administrator.tenants)
    if foreign:
        raise refuse(Reason.ROLE_MISSING, f"{administrator.name} does not administer {', '.join(foreign)}")
    return ActPermitted(administrator, act, tenants, decision_id)


def admin_fields(
    administrator: Administrator, act: Act, tenants: Iterable[str], detail: Mapping[str, object]
) -> dict[str, object]:
    """The body of an administrative record."""
    who = {"administrator": administrator.name, "uid": administrator.uid}
    return {**detail, "act": act.value, **who, "tenants": sorted(tenants)}
