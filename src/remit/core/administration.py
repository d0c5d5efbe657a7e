"""Administrative acts: who may do what, for which tenant. A table; what it does not list is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.scope import OneTool, Scope, covers

# The name under which administration itself is asked for; no server may have it.
RESERVED: Final = "remit"


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
    ADMINISTRATOR_LIST = "administrator.list"
    ADMINISTRATOR_DELEGATE = "administrator.delegate"
    ADMINISTRATOR_UNDELEGATE = "administrator.undelegate"
    PROPOSAL_LIST = "proposal.list"
    PROPOSAL_CONFIRM = "proposal.confirm"
    PROPOSAL_WITHDRAW = "proposal.withdraw"


# What no client does in anybody's name: keys and the first person are the machine's, a whole ledger is one stream.
AT_SOCKET_ALONE: Final = frozenset({Act.KEY_ROTATE, Act.AUDIT_EXPORT, Act.ACCOUNT_FIRST})


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


_CHANGING: Final = (Role.SERVER, Role.POLICY, Role.APPROVAL, Role.KEY)
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
    # What can be delegated is what is held; an auditor, who changes nothing, delegates nothing either.
    Act.ADMINISTRATOR_LIST: _rule(*Role, changes=False),
    Act.ADMINISTRATOR_DELEGATE: _rule(*_CHANGING, changes=True),
    Act.ADMINISTRATOR_UNDELEGATE: _rule(*_CHANGING, changes=True),
    # What is proposed has a rule of its own, which whoever confirms it must meet too.
    Act.PROPOSAL_LIST: _rule(*Role, changes=False),
    Act.PROPOSAL_CONFIRM: _rule(*_CHANGING, changes=True),
    Act.PROPOSAL_WITHDRAW: _rule(*_CHANGING, changes=True),
    Act.STATUS: _rule(*Role, changes=False, reach=Reach.PROCESS),
}


@dataclass(frozen=True, slots=True)
class Administrator:
    """An operator, known at the local socket by `uid`, over HTTP by `account`, and by at least one of the two.

    `roles` are those held for each tenant; a tenant that is not there is none of theirs.
    """

    name: str
    roles: Mapping[str, frozenset[Role]]
    uid: int | None = None
    account: str = ""
    delegated_by: str = ""

    @property
    def origin(self) -> str:
        """Whose rights they act with: their own, unless somebody delegated them."""
        return self.delegated_by or self.name

    @property
    def tenants(self) -> frozenset[str]:
        return frozenset(tenant for tenant, held in self.roles.items() if held)

    def tenants_for(self, act: Act) -> frozenset[str]:
        """Those for which a role is held that permits the act. What was delegated is not delegated on."""
        if act is Act.ADMINISTRATOR_DELEGATE and self.delegated_by:
            return frozenset()
        return frozenset(tenant for tenant, held in self.roles.items() if held & RULES[act].roles)

    @property
    def acts(self) -> frozenset[Act]:
        """What they may do for some tenant."""
        return frozenset(act for act in RULES if self.tenants_for(act))

    def holds_all_of(self, other: Administrator) -> bool:
        """Whether the other may do nothing that this one may not."""
        return all(held <= self.roles.get(tenant, frozenset()) for tenant, held in other.roles.items())


@dataclass(frozen=True, slots=True)
class AtSocket:
    """The administrator asks for themselves. `uid` is the kernel's word."""

    uid: int

    def covers(self, act: Act) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class ThroughClient:
    """A client asks that the administrator let act for them: these acts, until its grant ends."""

    client: str
    grant: str
    account: str
    acts: frozenset[Act]

    def covers(self, act: Act) -> bool:
        return act in self.acts - AT_SOCKET_ALONE


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks for an act, and by which way."""

    administrator: Administrator
    way: AtSocket | ThroughClient


@dataclass(frozen=True, slots=True)
class ActPermitted:
    """That this administrator may do this act, and for which tenants."""

    asker: Asker
    act: Act
    tenants: frozenset[str]
    decision_id: str


def administrator_of(uid: int, administrators: Iterable[Administrator]) -> Administrator:
    """Raises `Denied` (`role_missing`) for a user that is no administrator, and for one registered twice."""
    found = [administrator for administrator in administrators if administrator.uid == uid]
    return _the_one(f"uid {uid} (`uid` under administrators)", found)


def administrator_named(account: str, administrators: Iterable[Administrator]) -> Administrator:
    """The same for an account. An empty name is nobody's."""
    return _the_one(f"account {account[:80]!r}", [found for found in administrators if account == found.account != ""])


def _the_one(who: str, found: list[Administrator]) -> Administrator:
    if len(found) != 1:
        raise refuse(Reason.ROLE_MISSING, f"{who} is registered as {len(found)} administrators, expected one")
    return found[0]


def decide(asker: Asker, act: Act, tenants: frozenset[str], *, decision_id: str) -> ActPermitted:
    """Raises `Denied` (`role_missing`, `insufficient_scope`). `tenants` are those the act touches: it is permitted for
    all or not at all, so for each of them a role must be held that permits it.

    An act about the process names no tenant, and a role held for any one is enough. An act about tenants must name at
    least one.
    """
    administrator, rule = asker.administrator, RULES[act]
    held = administrator.tenants_for(act)
    if not held:
        wanted = " or ".join(sorted(rule.roles))
        raise refuse(Reason.ROLE_MISSING, f"{act} needs the role {wanted}; {administrator.name} does not hold it")
    if not asker.way.covers(act):
        raise refuse(Reason.INSUFFICIENT_SCOPE, f"the client was not let do {act}", data={"scope": str(scope_of(act))})
    if rule.reach is Reach.PROCESS:
        return ActPermitted(asker, act, held, decision_id)
    if not tenants:
        raise refuse(Reason.ROLE_MISSING, f"{act} must say for which tenant")
    foreign = sorted(tenants - held)
    if foreign:
        found = f"{administrator.name} holds no role that permits {act} for {', '.join(foreign)}"
        raise refuse(Reason.ROLE_MISSING, found)
    return ActPermitted(asker, act, tenants, decision_id)


def scope_of(act: Act) -> OneTool:
    """The scope that lets a client do this act, at the administration API."""
    return OneTool(RESERVED, act.value)


def scopes_held(administrator: Administrator) -> frozenset[Scope]:
    """All that an administrator could let a client do now."""
    return frozenset(scope_of(act) for act in administrator.acts - AT_SOCKET_ALONE)


def acts_of(scopes: frozenset[Scope]) -> frozenset[Act]:
    """The acts these scopes let a client do."""
    return frozenset(act for act in Act if covers(scopes, RESERVED, act.value))


def admin_fields(asker: Asker, act: Act, tenants: Iterable[str], detail: Mapping[str, object]) -> dict[str, object]:
    """The body of an administrative record. What tells who asked cannot be overwritten by a detail."""
    way = asker.way
    if isinstance(way, AtSocket):
        by: dict[str, object] = {"uid": way.uid}
    else:
        by = {"through_account": way.account, "through_client": way.client, "through_grant": way.grant}
    who = {"administrator": asker.administrator.name, **by}
    return {**detail, "act": act.value, **who, "tenants": sorted(tenants)}
