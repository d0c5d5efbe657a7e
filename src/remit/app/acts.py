"""The administrative acts: for each, who is touched, what is recorded, what is done, and what the operator sees.

Nothing here decides: `flows.administer` does, from the table in `core.administration`, before anything happens.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from remit import __version__
from remit.adapters.ledger import reader
from remit.adapters.policy.loading import Fault
from remit.app.act_answers import ended_answer, granted_answer, live_answer, server_answer
from remit.app.act_arguments import (
    SELECTED_BY,
    Arguments,
    budget_of,
    decision_of,
    object_of,
    presence_of,
    scopes_of,
    selector_of,
    text,
    ttl_s_of,
)
from remit.app.wiring import Remit, canonical
from remit.core.administration import Act, ActPermitted, Administrator
from remit.core.catalog import Server
from remit.core.errors import Refusal, refuse
from remit.core.grant import GrantEvent, GrantState
from remit.core.grantbook import Selector
from remit.core.reasons import Reason
from remit.core.sign_in import INVITATION_S
from remit.flows.create_grant import AdministrationRequest
from remit.flows.explain import explain, first_visible, visible

Answer = Mapping[str, Any] | AsyncIterator[Mapping[str, Any]]
FOLLOW_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class Acts:
    """Implements the admin surface's `CarryOut`. `started_s` is the monotonic moment of start, for `status`."""

    remit: Remit
    started_s: float

    async def __call__(self, uid: int, act: str, arguments: Arguments) -> Answer:
        """Raises `Refusal`."""
        carried_out = _ACTS.get(act)
        if carried_out is None:
            raise refuse(Reason.UNKNOWN_METHOD, f"no administrative act {act[:40]!r}")
        administrator = self.remit.administer.require_administrator(uid)
        return await carried_out(self, administrator, arguments)

    # grants ----------------------------------------------------------------------------------------------------------
    async def create(self, administrator: Administrator, arguments: Arguments) -> Answer:
        account = self.remit.create_grant.registry.accounts.get(text(arguments, "user"))
        tenants = frozenset({account.tenant}) if account else administrator.tenants
        detail = {"user": text(arguments, "user"), "client": text(arguments, "client")}
        permitted = await self._permit(administrator, Act.GRANT_CREATE, tenants, detail)
        with self._refusals_recorded(permitted):
            granted = await self.remit.create_grant.for_administration(self._request(administrator, arguments))
        return granted_answer(granted, permitted, self.remit.files.clock.now_s())

    def _request(self, administrator: Administrator, arguments: Arguments) -> AdministrationRequest:
        same_user = administrator.uid == os.getuid()
        environments = self.remit.configuration.settings.environments
        return AdministrationRequest(
            account=text(arguments, "user"),
            client=text(arguments, "client"),
            purpose=text(arguments, "purpose"),
            purpose_class=text(arguments, "purpose_class"),
            resource=text(arguments, "resource") or "/mcp",
            environment=text(arguments, "environment") or (environments[0] if len(environments) == 1 else ""),
            administrator=administrator.name,
            assurance="same-user" if same_user else "separate-user",
            scopes=scopes_of(arguments),
            ttl_s=ttl_s_of(arguments),
            budget=budget_of(arguments),
            presence=presence_of(arguments),
        )

    async def list_grants(self, administrator: Administrator, arguments: Arguments) -> Answer:
        permitted = await self._permit(administrator, Act.GRANT_LIST, administrator.tenants, {})
        chosen = [live for live in self.remit.grants if live.grant.tenant in permitted.tenants]
        selector = selector_of(arguments)
        if selector != Selector():
            chosen = [live for live in chosen if selector.matches(live.grant)]
        return {"grants": [live_answer(live) for live in sorted(chosen, key=lambda live: live.grant.created_at_s)]}

    async def finish(self, administrator: Administrator, arguments: Arguments) -> Answer:
        grant_id = text(arguments, "grant")
        live = self.remit.grants.find(grant_id)
        tenants = frozenset({live.grant.tenant}) if live else administrator.tenants
        permitted = await self._permit(administrator, Act.GRANT_END, tenants, {"grant": grant_id})
        selector = Selector(grant=grant_id)
        ended = await self.remit.end_grant.end(
            selector, GrantEvent.FINISH, tenants=permitted.tenants, by=administrator.name
        )
        return ended_answer(ended, permitted)

    async def revoke(self, administrator: Administrator, arguments: Arguments) -> Answer:
        selector = selector_of(arguments)
        if selector == Selector():
            raise refuse(Reason.INVALID_PARAMS, "revoke needs a user, client, server, tenant, actor, grant or all")
        tenants = frozenset({selector.tenant}) if selector.tenant else administrator.tenants
        detail = {name: arguments[name] for name in (*SELECTED_BY, "everything") if arguments.get(name)}
        permitted = await self._permit(administrator, Act.REVOKE, tenants, detail)
        self.remit.authorize.void(selector, permitted.tenants)
        try:
            ended = await self.remit.end_grant.end(
                selector, GrantEvent.REVOKE, tenants=permitted.tenants, by=administrator.name
            )
        finally:
            await self.remit.sign_in.end_sessions(self._signed_out(selector, permitted.tenants))
        return ended_answer(ended, permitted)

    def _signed_out(self, selector: Selector, tenants: frozenset[str]) -> list[str]:
        """Whoever is revoked as a person is signed out too; a client, server or grant is nobody's session."""
        accounts = self.remit.create_grant.registry.accounts
        return [
            name
            for name, account in accounts.items()
            if account.tenant in tenants
            and selector in (Selector(subject=name), Selector(tenant=account.tenant), Selector(everything=True))
        ]

    # servers and policies --------------------------------------------------------------------------------------------
    async def list_servers(self, administrator: Administrator, arguments: Arguments) -> Answer:
        permitted = await self._permit(administrator, Act.SERVER_LIST, administrator.tenants, {})
        return {"servers": self._servers(permitted.tenants)}

    async def diff(self, administrator: Administrator, arguments: Arguments) -> Answer:
        server = self._server(administrator, arguments)
        await self._permit(administrator, Act.SERVER_DIFF, server.tenants, {"server": server.name})
        return {"changes": self.remit.servers.catalog.diff(server.name)}

    async def approve(self, administrator: Administrator, arguments: Arguments) -> Answer:
        """One item, as `server.diff` showed it: a server may change it again after the review."""
        server = self._server(administrator, arguments)
        item, digest = text(arguments, "item"), text(arguments, "digest")
        detail = {"server": server.name, "item": item, "digest": digest}
        permitted = await self._permit(administrator, Act.SERVER_APPROVE, server.tenants, detail)
        approve = self.remit.servers.catalog.approve
        with self._refusals_recorded(permitted):
            return {"approved": [await approve(server.name, item, digest, by=administrator.name)]}

    async def check_policies(self, administrator: Administrator, arguments: Arguments) -> Answer:
        permitted = await self._permit(administrator, Act.POLICY_CHECK, administrator.tenants, {})
        return {"tenants": self._policies(permitted.tenants, ())}

    async def reload_policies(self, administrator: Administrator, arguments: Arguments) -> Answer:
        permitted = await self._permit(administrator, Act.POLICY_RELOAD, administrator.tenants, {})
        faults = await self.remit.reload_policies()
        return {"tenants": self._policies(permitted.tenants, faults), "taken_over": not faults}

    # evidence --------------------------------------------------------------------------------------------------------
    async def explain(self, administrator: Administrator, arguments: Arguments) -> Answer:
        decision_id = decision_of(arguments)
        detail = {"decision": decision_id}
        permitted = await self._permit(administrator, Act.EXPLAIN, administrator.tenants, detail)
        return await explain(self.remit.records, decision_id, permitted.tenants)

    async def tail(self, administrator: Administrator, arguments: Arguments) -> Answer:
        count = arguments.get("count", 20)
        if not isinstance(count, int) or not 0 <= count <= 10_000:
            raise refuse(Reason.INVALID_PARAMS, "count: expected 0 to 10000")
        permitted = await self._permit(administrator, Act.AUDIT_READ, administrator.tenants, {"count": count})
        return self._tail(permitted.tenants, count, follow=arguments.get("follow") is True)

    async def _tail(self, tenants: frozenset[str], count: int, *, follow: bool) -> AsyncIterator[Mapping[str, Any]]:
        folder = self.remit.configuration.ledger_dir
        lines = await asyncio.to_thread(reader.tail, folder, count)
        after = lines[-1] if lines else None
        while True:
            for line in lines:
                if visible(line.record, tenants):
                    yield line.record
            if not follow or after is None:
                return
            await asyncio.sleep(FOLLOW_EVERY_S)
            lines = await asyncio.to_thread(_after, folder, after)
            after = lines[-1] if lines else after

    async def head(self, administrator: Administrator, arguments: Arguments) -> Answer:
        await self._permit(administrator, Act.AUDIT_READ, administrator.tenants, {})
        return reader.anchor_to_json(await self.remit.files.ledger.durable_head())

    async def export(self, administrator: Administrator, arguments: Arguments) -> Answer:
        first, last = arguments.get("first", 1), arguments.get("last")
        if not isinstance(first, int) or not isinstance(last, int | None):
            raise refuse(Reason.INVALID_PARAMS, "first and last are sequence numbers")
        detail = {"first": first, "last": last}
        permitted = await self._permit(administrator, Act.AUDIT_EXPORT, administrator.tenants, detail)
        return self._export(permitted.tenants, first, last)

    async def _export(self, tenants: frozenset[str], first: int, last: int | None) -> AsyncIterator[Mapping[str, Any]]:
        folder = self.remit.configuration.ledger_dir
        lines = iter(reader.lines_after(folder, 0, 0))
        while (line := await asyncio.to_thread(next, lines, None)) is not None:
            record = line.record
            if first <= record["seq"] <= (last or record["seq"]) and visible(record, tenants):
                yield record

    async def prove(self, administrator: Administrator, arguments: Arguments) -> Answer:
        """Whether a decision was about exactly these arguments, which are looked at and kept nowhere."""
        asked, supposed = decision_of(arguments), object_of(arguments, "arguments")
        try:
            canon = canonical(supposed) if supposed else b""
        except TypeError as problem:
            raise refuse(Reason.INVALID_PARAMS, f"arguments: {problem}") from None
        permitted = await self._permit_about(administrator, Act.AUDIT_PROVE, asked)
        with self._refusals_recorded(permitted):
            proof = await self.remit.records.prove(asked, canon)
        return {"proof": proof, "decision_id": permitted.decision_id}

    async def erase(self, administrator: Administrator, arguments: Arguments) -> Answer:
        """The record of the act is durable before the salt is gone."""
        asked = decision_of(arguments)
        permitted = await self._permit_about(administrator, Act.AUDIT_ERASE, asked)
        with self._refusals_recorded(permitted):
            erased = await self.remit.records.erase(asked)
        return {"erased": erased, "decision_id": permitted.decision_id}

    async def _permit_about(self, administrator: Administrator, act: Act, asked: str) -> ActPermitted:
        """An act about one decision is its tenant's; a decision that may not be seen looks like one there never was."""
        found = await self.remit.records.find(asked)
        try:
            tenant = first_visible(found, asked, administrator.tenants).get("tenant")
        except Refusal as refusal:
            permitted = await self._permit(administrator, act, administrator.tenants, {"decision": asked})
            self.remit.administer.refused(permitted, refusal)
            raise
        tenants = frozenset({tenant}) if tenant else administrator.tenants
        return await self._permit(administrator, act, tenants, {"decision": asked})

    # people ----------------------------------------------------------------------------------------------------------
    async def invite(self, administrator: Administrator, arguments: Arguments) -> Answer:
        """Another tenant's account looks like none at all."""
        name = text(arguments, "account")
        account = self.remit.create_grant.registry.accounts.get(name)
        tenants = administrator.tenants & ({account.tenant} if account else set())
        permitted = await self._permit(
            administrator, Act.ACCOUNT_INVITE, tenants or administrator.tenants, {"account": name[:256]}
        )
        with self._refusals_recorded(permitted):
            if not tenants:
                raise refuse(Reason.INVALID_PARAMS, f"no account {name[:80]!r} is registered")
            token = await self.remit.sign_in.invite(name, by=administrator.name)
        public_url = self.remit.configuration.settings.public_url
        return {
            "account": name,
            "link": f"{public_url}/password?link={token.expose().decode('ascii')}",
            "expires_in_s": int(INVITATION_S),
            "decision_id": permitted.decision_id,
        }

    # keys and status -------------------------------------------------------------------------------------------------
    async def rotate(self, administrator: Administrator, arguments: Arguments) -> Answer:
        permitted = await self._permit(administrator, Act.KEY_ROTATE, frozenset(), {})
        kid = await asyncio.to_thread(self.remit.files.keys.tokens.rotate)
        return {"kid": kid, "decision_id": permitted.decision_id}

    async def status(self, administrator: Administrator, arguments: Arguments) -> Answer:
        permitted = await self._permit(administrator, Act.STATUS, frozenset(), {})
        remit = self.remit
        await remit.policy.follow()  # else it would tell of servers as they were when the policies were last asked
        return {
            "version": __version__,
            "public_url": remit.configuration.settings.public_url,
            "uptime_s": round(remit.files.clock.monotonic_s() - self.started_s, 1),
            "assurance": "same-user" if administrator.uid == os.getuid() else "separate-user",
            "grants": sum(
                live.state is GrantState.ACTIVE and live.grant.tenant in permitted.tenants for live in remit.grants
            ),
            "ledger": {
                "writable": not remit.files.ledger.failure,
                "failure": remit.files.ledger.failure,
                "segment": remit.files.ledger.segment,
                "seq": remit.files.ledger.seq,
                "durable": remit.configuration.settings.ledger.durable,
            },
            "policies": self._policies(permitted.tenants, ()),
            "servers": self._servers(permitted.tenants),
        }

    # shared ----------------------------------------------------------------------------------------------------------
    async def _permit(
        self, administrator: Administrator, act: Act, tenants: frozenset[str], detail: Mapping[str, object]
    ) -> ActPermitted:
        return await self.remit.administer.permit(administrator, act, tenants, detail)

    @contextmanager
    def _refusals_recorded(self, permitted: ActPermitted) -> Iterator[None]:
        """An act that was permitted and then refused for what it asks has both on record, under one id."""
        try:
            yield
        except Refusal as refusal:
            self.remit.administer.refused(permitted, refusal)
            raise

    def _server(self, administrator: Administrator, arguments: Arguments) -> Server:
        name = text(arguments, "server")
        server = self.remit.servers.catalog.current().servers.get(name)
        if server is None or not server.tenants & administrator.tenants:
            raise refuse(Reason.INVALID_PARAMS, f"no server {name[:80]!r} is registered for your tenants")
        return server

    def _servers(self, tenants: frozenset[str]) -> list[dict[str, Any]]:
        catalog = self.remit.servers.catalog
        return [
            server_answer(server, catalog.problems(name), catalog.misnamed(name))
            for name, server in sorted(catalog.current().servers.items())
            if server.tenants & tenants
        ]

    def _policies(self, tenants: frozenset[str], faults: Iterable[Fault]) -> dict[str, Any]:
        notes = [*faults, *self.remit.policy.notes()]
        return {
            tenant: {
                "version": self.remit.policy.version(tenant),
                "problems": [asdict(note) for note in notes if note.concerns(tenant)],
            }
            for tenant in sorted(tenants)
        }


Carry = Callable[[Acts, Administrator, Arguments], Awaitable[Answer]]
_ACTS: dict[str, Carry] = {
    "grant.create": Acts.create,
    "grant.list": Acts.list_grants,
    "grant.end": Acts.finish,
    "revoke": Acts.revoke,
    "server.list": Acts.list_servers,
    "server.diff": Acts.diff,
    "server.approve": Acts.approve,
    "policy.check": Acts.check_policies,
    "policy.reload": Acts.reload_policies,
    "explain": Acts.explain,
    "audit.tail": Acts.tail,
    "audit.head": Acts.head,
    "audit.export": Acts.export,
    "audit.prove": Acts.prove,
    "audit.erase": Acts.erase,
    "account.invite": Acts.invite,
    "key.rotate": Acts.rotate,
    "status": Acts.status,
}


def _after(folder: Any, line: reader.Line) -> list[reader.Line]:
    return list(reader.lines_after(folder, line.segment, line.end))
