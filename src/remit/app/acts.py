"""The administrative acts: for each, who is touched, what is recorded, what is done, and what the operator sees.

Nothing here decides: `flows.administer` does, from the table in `core.administration`, before anything happens.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from remit import __version__
from remit.adapters.ledger import reader
from remit.adapters.policy.loading import Fault
from remit.app.wiring import Remit
from remit.core.administration import Act, ActPermitted, Administrator
from remit.core.catalog import ItemKind, Observe, Server
from remit.core.errors import Refusal, refuse
from remit.core.grant import Budget, Calls, Grant, GrantEvent, GrantState, LiveGrant, Unmetered
from remit.core.grantbook import Selector
from remit.core.principals import Presence
from remit.core.reasons import Reason
from remit.core.scope import OneTool, Scope, ToolName, parse_scope
from remit.flows.create_grant import AdministrationRequest, Granted
from remit.flows.end_grant import Ended
from remit.flows.explain import explain, visible

Arguments = Mapping[str, Any]
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
        account = self.remit.create_grant.registry.accounts.get(_text(arguments, "user"))
        tenants = frozenset({account.tenant}) if account else administrator.tenants
        detail = {"user": _text(arguments, "user"), "client": _text(arguments, "client")}
        permitted = await self._permit(administrator, Act.GRANT_CREATE, tenants, detail)
        try:
            granted = await self.remit.create_grant.for_administration(self._request(administrator, arguments))
        except Refusal as refusal:
            self.remit.administer.refused(permitted, refusal)
            raise
        return _granted(granted, permitted, self.remit.files.clock.now_s())

    def _request(self, administrator: Administrator, arguments: Arguments) -> AdministrationRequest:
        same_user = administrator.uid == os.getuid()
        environments = self.remit.configuration.settings.environments
        return AdministrationRequest(
            account=_text(arguments, "user"),
            client=_text(arguments, "client"),
            purpose=_text(arguments, "purpose"),
            purpose_class=_text(arguments, "purpose_class"),
            resource=_text(arguments, "resource") or "/mcp",
            environment=_text(arguments, "environment") or (environments[0] if len(environments) == 1 else ""),
            administrator=administrator.name,
            assurance="same-user" if same_user else "separate-user",
            scopes=_scopes(arguments),
            ttl_s=_ttl_s(arguments),
            budget=_budget(arguments),
            presence=_presence(_text(arguments, "presence") or "autonomous"),
        )

    async def list_grants(self, administrator: Administrator, arguments: Arguments) -> Answer:
        permitted = await self._permit(administrator, Act.GRANT_LIST, administrator.tenants, {})
        chosen = [live for live in self.remit.grants if live.grant.tenant in permitted.tenants]
        selector = _selector(arguments)
        if selector != Selector():
            chosen = [live for live in chosen if selector.matches(live.grant)]
        return {"grants": [_live(live) for live in sorted(chosen, key=lambda live: live.grant.created_at_s)]}

    async def finish(self, administrator: Administrator, arguments: Arguments) -> Answer:
        grant_id = _text(arguments, "grant")
        live = self.remit.grants.find(grant_id)
        tenants = frozenset({live.grant.tenant}) if live else administrator.tenants
        permitted = await self._permit(administrator, Act.GRANT_END, tenants, {"grant": grant_id})
        selector = Selector(grant=grant_id)
        ended = await self.remit.end_grant.end(
            selector, GrantEvent.FINISH, tenants=permitted.tenants, by=administrator.name
        )
        return _ended(ended, permitted)

    async def revoke(self, administrator: Administrator, arguments: Arguments) -> Answer:
        selector = _selector(arguments)
        if selector == Selector():
            raise refuse(Reason.INVALID_PARAMS, "revoke needs a user, client, server, tenant, actor, grant or all")
        tenants = frozenset({selector.tenant}) if selector.tenant else administrator.tenants
        detail = {name: arguments[name] for name in (*_SELECTED_BY, "everything") if arguments.get(name)}
        permitted = await self._permit(administrator, Act.REVOKE, tenants, detail)
        ended = await self.remit.end_grant.end(
            selector, GrantEvent.REVOKE, tenants=permitted.tenants, by=administrator.name
        )
        return _ended(ended, permitted)

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
        item, digest = _text(arguments, "item"), _text(arguments, "digest")
        detail = {"server": server.name, "item": item, "digest": digest}
        await self._permit(administrator, Act.SERVER_APPROVE, server.tenants, detail)
        approve = self.remit.servers.catalog.approve
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
        decision_id = _text(arguments, "decision_id")
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

    # keys and status -------------------------------------------------------------------------------------------------
    async def rotate(self, administrator: Administrator, arguments: Arguments) -> Answer:
        permitted = await self._permit(administrator, Act.KEY_ROTATE, frozenset(), {})
        kid = await asyncio.to_thread(self.remit.files.keys.tokens.rotate)
        return {"kid": kid, "decision_id": permitted.decision_id}

    async def status(self, administrator: Administrator, arguments: Arguments) -> Answer:
        permitted = await self._permit(administrator, Act.STATUS, frozenset(), {})
        remit = self.remit
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

    def _server(self, administrator: Administrator, arguments: Arguments) -> Server:
        name = _text(arguments, "server")
        server = self.remit.servers.catalog.current().servers.get(name)
        if server is None or not server.tenants & administrator.tenants:
            raise refuse(Reason.INVALID_PARAMS, f"no server {name[:80]!r} is registered for your tenants")
        return server

    def _servers(self, tenants: frozenset[str]) -> list[dict[str, Any]]:
        servers = self.remit.servers.catalog.current().servers
        return [_server(server) for _, server in sorted(servers.items()) if server.tenants & tenants]

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
    "key.rotate": Acts.rotate,
    "status": Acts.status,
}


def _text(arguments: Arguments, name: str) -> str:
    value = arguments.get(name, "")
    if not isinstance(value, str):
        raise refuse(Reason.INVALID_PARAMS, f"{name}: expected text")
    return value


def _presence(text: str) -> Presence:
    try:
        return Presence(text)
    except ValueError:
        raise refuse(Reason.INVALID_PARAMS, "presence: expected interactive or autonomous") from None


def _scopes(arguments: Arguments) -> frozenset[Scope]:
    tools = [ToolName.parse(text) for text in _texts(arguments, "tools")]
    named = [parse_scope(text) for text in _texts(arguments, "scopes")]
    return frozenset([*named, *(OneTool(tool.server, tool.tool) for tool in tools)])


def _texts(arguments: Arguments, name: str) -> list[str]:
    found = arguments.get(name, [])
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise refuse(Reason.INVALID_PARAMS, f"{name}: expected a list of text")
    return found


def _ttl_s(arguments: Arguments) -> float | None:
    ttl_s = arguments.get("ttl_s")
    if ttl_s is not None and type(ttl_s) not in (int, float):
        raise refuse(Reason.INVALID_PARAMS, "ttl_s: expected a number of seconds")
    return ttl_s


def _budget(arguments: Arguments) -> Budget:
    """Only a limit that was not asked for is none: one that cannot be read must not be taken for none."""
    calls_max = arguments.get("calls_max")
    if calls_max is None:
        return Unmetered()
    if type(calls_max) is not int:
        raise refuse(Reason.INVALID_PARAMS, "calls_max: expected a whole number")
    return Calls(calls_max)


_SELECTED_BY = {
    "grant": "grant",
    "user": "subject",
    "client": "client",
    "actor": "actor",
    "server": "server",
    "tenant": "tenant",
}


def _selector(arguments: Arguments) -> Selector:
    given = {field: _text(arguments, name) for name, field in _SELECTED_BY.items()}
    return Selector(**given, everything=arguments.get("everything") is True)


def _granted(granted: Granted, permitted: ActPermitted, now_s: float) -> dict[str, Any]:
    return {
        "grant": _grant(granted.grant),
        "access_token": granted.token.expose().decode("ascii"),
        "token_type": "Bearer",
        "expires_in_s": int(granted.token_expires_at_s - now_s),
        "decision_id": permitted.decision_id,
    }


def _ended(ended: Ended, permitted: ActPermitted) -> dict[str, Any]:
    return {
        "grants": list(ended.grants),
        "calls": ended.calls,
        "processes": ended.processes,
        "elapsed_ms": round(ended.elapsed_s * 1000, 2),
        "decision_id": permitted.decision_id,
    }


def _grant(grant: Grant) -> dict[str, Any]:
    return {
        "id": grant.id,
        "subject": grant.subject.id,
        "client": grant.client_id,
        "actors": list(grant.actors),
        "tenant": grant.tenant,
        "environment": grant.environment,
        "presence": grant.presence.value,
        "purpose": grant.purpose.text,
        "resource": grant.resource,
        "scopes": sorted(map(str, grant.scopes)),
        "calls_max": grant.budget.calls_max if isinstance(grant.budget, Calls) else None,
        "created_at_s": grant.created_at_s,
        "expires_at_s": grant.expires_at_s,
        "assurance": grant.origin.assurance,
    }


def _live(live: LiveGrant) -> dict[str, Any]:
    return _grant(live.grant) | {"state": live.state.value, "calls_used": live.calls_used}


def _server(server: Server) -> dict[str, Any]:
    counts = {kind: sum(key[0] is kind for key in server.items) for kind in ItemKind}
    return {
        "name": server.name,
        "health": server.health,
        "eras": sorted(era.value for era in server.eras),
        "tools": counts[ItemKind.TOOL],
        "resources": counts[ItemKind.RESOURCE] + counts[ItemKind.TEMPLATE],
        "prompts": counts[ItemKind.PROMPT],
        "withheld": [f"{kind.value} {name} {drift.value}" for (kind, name), drift in sorted(server.withheld.items())],
        "mode": "observe" if isinstance(server.mode, Observe) else "enforce",
        "observe_until_s": server.mode.until_s if isinstance(server.mode, Observe) else None,
        "tenants": sorted(server.tenants),
        "environment": server.environment,
        "owner": server.owner,
        "credential": server.credential,
    }


def _after(folder: Any, line: reader.Line) -> list[reader.Line]:
    return list(reader.lines_after(folder, line.segment, line.end))
