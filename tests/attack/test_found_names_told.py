"""Names guessed at the administration: whether another tenant has an account, whether there is a server, and whether
there was a delegation, is not told by a difference between two refusals to whoever may not know.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from remit.app.acts.table import Acts
from remit.app.settings import load
from remit.app.wiring import assemble
from remit.core.administration import Act, Role, ThroughClient
from remit.core.errors import Refusal
from remit.core.reasons import Reason
from tests.peers import remit_process

ALICE, BOB, CAROL = 4001, 4002, 4003
MORE = {
    "administrators": {
        "alice": {"uid": ALICE, "account": "engineer", "roles": {"acme": ["approval", "audit"]}},
        "bob": {"uid": BOB, "roles": {"globex": ["approval", "server"]}},
        "carol": {"uid": CAROL, "roles": {"acme": ["key"]}},
    },
    "accounts": {
        "engineer": {"tenant": "acme"}, "analyst": {"tenant": "globex"}, "helper": {"tenant": "acme"},
    },
    "admin_url": "http://127.0.0.1:8791",
    "admin_listen": "127.0.0.1:8791",
}  # fmt: skip


@dataclass
class Administration:
    acts: Acts

    async def ask(self, uid: int, act: str, **arguments: Any) -> Any:
        return await self.acts.at_socket(uid, act, arguments)

    async def refused(self, uid: int, act: str, **arguments: Any) -> Refusal:
        with pytest.raises(Refusal) as caught:
            await self.ask(uid, act, **arguments)
        return caught.value

    async def refused_to_client(self, let: Act, act: str, **arguments: Any) -> Refusal:
        way = ThroughClient("c", "grt_1", "engineer", frozenset({let}))
        with pytest.raises(Refusal) as caught:
            await self.acts(self.acts.remit.administer.through(way), act, arguments)
        return caught.value

    async def effects(self, decision_id: str | None) -> list[str]:
        stream = await self.ask(ALICE, "audit.export")
        return [record["effect"] async for record in stream if record["id"] == decision_id]


@pytest.fixture
async def remit(tmp_path: Path) -> AsyncIterator[Administration]:
    settings = remit_process.configuration(8790, {"ours": {"stdio": {"command": ["true"]}}}, **MORE)
    remit_process.write(tmp_path, settings, {"acme/all.cedar": remit_process.PERMIT_ALL})
    assembled = await assemble(load(tmp_path / "remit.yaml"), ask_servers=False)
    try:
        yield Administration(Acts(assembled, assembled.files.clock.monotonic_s()))
    finally:
        await assembled.stop()


def told(refusal: Refusal, name: str) -> tuple[Reason, str]:
    return refusal.reason, refusal.detail.replace(name, "NAME")


async def test_whether_another_tenant_has_an_account_is_not_told_to_whoever_makes_grants(remit: Administration) -> None:
    asked = {"client": "editor", "purpose": "p"}
    theirs = await remit.refused(ALICE, "grant.create", user="analyst", **asked)
    never = await remit.refused(ALICE, "grant.create", user="nobody", **asked)
    assert told(theirs, "analyst") == told(never, "nobody")
    assert await remit.effects(theirs.decision_id) == await remit.effects(never.decision_id) == ["permit", "refused"]
    assert (await remit.ask(ALICE, "grant.create", user="engineer", **asked))["grant"]


@pytest.mark.parametrize("act", ["server.diff", "server.approve"])
async def test_whether_there_is_a_server_is_not_told_to_whoever_may_not_look(remit: Administration, act: str) -> None:
    refusals = [await remit.refused(CAROL, act, server=name) for name in ("ours", "never")]
    assert told(refusals[0], "ours") == told(refusals[1], "never")
    clients = [await remit.refused_to_client(Act.REVOKE, "server.diff", server=name) for name in ("ours", "never")]
    assert [refusal.reason for refusal in clients] == [Reason.INSUFFICIENT_SCOPE] * 2
    assert [await remit.effects(refusal.decision_id) for refusal in refusals + clients] == [["deny"]] * 4
    assert (await remit.ask(ALICE, "server.diff", server="ours")) == {"changes": []}
    looked = await remit.refused(ALICE, "server.diff", server="never")
    assert looked.reason is Reason.NOT_FOUND
    assert await remit.effects(looked.decision_id) == ["permit", "refused"]


async def test_a_delegation_without_a_role_left_is_nobody_s_of_another_tenant(remit: Administration) -> None:
    given = {"account": "helper", "roles": ["approval"], "tenants": ["acme"], "ttl_s": 3600}
    made = (await remit.ask(ALICE, "administrator.delegate", **given))["administrator"]
    delegate = remit.acts.remit.delegate
    alice, *others = before = delegate.configured
    delegate.configured = (replace(alice, roles={"acme": frozenset({Role.AUDIT})}), *others)
    theirs = await remit.refused(BOB, "administrator.undelegate", delegation=made["delegation"])
    never = await remit.refused(BOB, "administrator.undelegate", delegation="dlg_never")
    assert told(theirs, made["delegation"]) == told(never, "dlg_never")
    delegate.configured = before
    assert await remit.ask(ALICE, "administrator.undelegate", delegation=made["delegation"])
