"""Links an administrator makes where no ordinary one will do: for the first person, and for one who lost everything."""

from __future__ import annotations

from dataclasses import dataclass

from remit.core.errors import refuse
from remit.core.reasons import Reason
from remit.core.secret import Secret
from remit.flows.passkeys import OwnPasskeys
from remit.flows.sign_in import SignIn


@dataclass(frozen=True, slots=True)
class AccountLinks:
    sign_in: SignIn
    passkeys: OwnPasskeys

    async def first(self, account: str, *, by: str) -> Secret:
        """A link that works only while nobody of the account's tenant can sign in. Raises `Invalid`, `Outage`."""
        registered = self.sign_in.accounts.get(account)
        if registered is None:
            raise refuse(Reason.INVALID_PARAMS, f"no account {account[:80]!r} is registered")
        if self.sign_in.anybody_in(registered.tenant):
            found = f"somebody of {registered.tenant} can sign in already"
            raise refuse(Reason.INVALID_PARAMS, f"{found}; for a further person: remit account invite {account[:80]}")
        return await self.sign_in.invite(account, by=by, first=True)

    async def recover(self, account: str, *, by: str) -> Secret:
        """From now on nothing but this link lets anybody in: password, passkeys, links and sessions of the account are
        over. Raises `Invalid`, `Outage`; once it is on record they are over all the same, and can be asked for again.
        """
        if account not in self.sign_in.accounts:
            raise refuse(Reason.INVALID_PARAMS, f"no account {account[:80]!r} is registered")
        await self.sign_in.sessions.records.write(account, "recovered", by=by)
        self.sign_in.forget_password(account)
        self.passkeys.forget(account)
        self.sign_in.sessions.forget([account])
        await self.sign_in.remove_forgotten()
        await self.passkeys.remove_forgotten()
        return await self.sign_in.invite(account, by=by)
