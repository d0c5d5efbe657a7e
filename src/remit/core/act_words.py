"""What each administrative act does, for a person who is asked whether a client may do it."""

from __future__ import annotations

from typing import Final

from remit.core.administration import Act

WORDS: Final[dict[Act, str]] = {
    Act.GRANT_CREATE: "make grants, and get their access tokens",
    Act.GRANT_LIST: "see who was granted what",
    Act.GRANT_END: "end a grant",
    Act.REVOKE: "end the grants of people, clients, servers or all, and sign people out",
    Act.CLIENT_LIST: "see which clients asked to be let in",
    Act.CLIENT_SHOW: "read what such a client says of itself",
    Act.CLIENT_ADMIT: "let such a client in",
    Act.CLIENT_REFUSE: "shut such a client out, and end what it does",
    Act.CONSENT_LIST: "see what people agreed to",
    Act.CONSENT_END: "take such an agreement back, and end what was granted on it",
    Act.CONSENT_RULES: "see what was agreed to or forbidden for everybody",
    Act.CONSENT_APPROVE: "agree for people, so that they are not asked",
    Act.CONSENT_FORBID: "forbid a client to everybody, and end what it does",
    Act.CONSENT_DROP: "drop such a rule",
    Act.LOGIN_LIST: "see which logins were begun lately",
    Act.LOGIN_TRACE: "see what became of a login",
    Act.SERVER_LIST: "see the servers and what they offer",
    Act.SERVER_DIFF: "see what a server changed",
    Act.SERVER_APPROVE: "trust what a server changed",
    Act.POLICY_CHECK: "see what is wrong with the policies",
    Act.POLICY_RELOAD: "take over the policy files as they are now",
    Act.AUDIT_READ: "read the records of what everybody did",
    Act.AUDIT_EXPORT: "export those records",
    Act.AUDIT_PROVE: "test which arguments a call had",
    Act.AUDIT_ERASE: "make a record's arguments unprovable, for good",
    Act.EXPLAIN: "see why something was permitted or denied",
    Act.KEY_ROTATE: "change the key that tokens are signed with",
    Act.ACCOUNT_INVITE: "make links that set people's passwords",
    Act.ADMINISTRATOR_LIST: "see who administers",
    Act.ADMINISTRATOR_DELEGATE: "let other people administer, for a while",
    Act.ADMINISTRATOR_UNDELEGATE: "end that",
    Act.PROPOSAL_LIST: "see what waits for a second person",
    Act.PROPOSAL_CONFIRM: "confirm what another administrator proposed",
    Act.PROPOSAL_WITHDRAW: "withdraw what was proposed",
    Act.ACCOUNT_FIRST: "make the link of the first person",
    Act.ACCOUNT_RECOVER: "let somebody in again who lost their passkeys",
    Act.STATUS: "see how Remit is doing",
}
