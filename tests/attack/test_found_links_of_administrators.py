"""A link that sets an administrator's password makes its holder that administrator, for good. A client that was let
make links, a delegate and somebody who needs a second person could each have become one by it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remit.app.acts.table import Acts
from remit.app.settings import load
from remit.app.wiring import assemble
from remit.core.administration import Act, ThroughClient
from remit.core.errors import Refusal
from remit.core.reasons import Reason
from remit.core.secret import Secret
from tests.peers import remit_process

ALICE, CAROL, DAVE = 4001, 4003, 4004
MORE = {
    "accounts": {name: {"tenant": "acme", "roles": ["engineer"]} for name in ("ally", "bob", "engineer", "helper")},
    "administrators": {
        "alice": {"uid": ALICE, "account": "ally", "roles": {"acme": ["approval"]}},
        "bob": {"account": "bob", "roles": {"acme": ["approval"]}},
        "carol": {"uid": CAROL, "roles": {"acme": ["approval", "audit"]}},
        "dave": {"uid": DAVE, "roles": {"globex": ["approval"]}},
        "erin": {"uid": 4005, "roles": {"globex": ["approval"]}},
    },
    "clients": {"editor": {"tenant": "acme"}},
    "admin_url": "http://127.0.0.1:8791",
    "admin_listen": "127.0.0.1:8791",
}
LINKS = ["account.invite", "account.recover"]


@dataclass
class Administration:
    acts: Acts

    async def ask(self, uid: int, act: str, **arguments: Any) -> Any:
        return await self.acts.at_socket(uid, act, arguments)

    async def through(self, administrator: str, act: str, **arguments: Any) -> Any:
        """A client that the account `administrator` let do this one act."""
        way = ThroughClient("c", "grt_1", administrator, frozenset({Act(act)}))
        return await self.acts(self.acts.remit.administer.through(way), act, arguments)

    async def sets_password(self, account: str) -> None:
        made = (await self.ask(CAROL, "account.invite", account=account))["link"]
        link = Secret(made.partition("link=")[2].encode())
        await self.acts.remit.sign_in.set_password(link, "correct horse battery")


async def running(folder: Path, more: Mapping[str, Any]) -> AsyncIterator[Administration]:
    settings = remit_process.configuration(8790, {"ours": {"stdio": {"command": ["true"]}}}, **more)
    remit_process.write(folder, settings, {"acme/all.cedar": remit_process.PERMIT_ALL})
    assembled = await assemble(load(folder / "remit.yaml"), ask_servers=False)
    try:
        yield Administration(Acts(assembled, assembled.files.clock.monotonic_s()))
    finally:
        await assembled.stop()


@pytest.fixture
async def remit(tmp_path: Path) -> AsyncIterator[Administration]:
    async for found in running(tmp_path, MORE):
        yield found


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Administration]:
    async for found in running(tmp_path, MORE | {"second_person": ["grant.create"]}):
        yield found


@pytest.mark.parametrize("act", LINKS)
@pytest.mark.parametrize("administrator", ["ally", "bob"])
async def test_a_client_that_may_make_links_makes_none_for_an_administrator(
    remit: Administration, act: str, administrator: str
) -> None:
    with pytest.raises(Refusal) as caught:
        await remit.through("ally", act, account=administrator)
    assert caught.value.reason is Reason.ROLE_MISSING
    assert (await remit.through("ally", act, account="engineer"))["link"]
    assert (await remit.ask(ALICE, act, account=administrator))["link"]


async def test_a_delegate_does_not_become_their_delegator(remit: Administration) -> None:
    given = {"account": "engineer", "roles": ["approval"], "tenants": ["acme"], "ttl_s": 3600}
    await remit.ask(ALICE, "administrator.delegate", **given)
    with pytest.raises(Refusal) as caught:
        await remit.through("engineer", "account.invite", account="ally")
    assert caught.value.reason is Reason.ROLE_MISSING
    assert (await remit.through("engineer", "account.invite", account="helper"))["link"]


@pytest.mark.parametrize("act", LINKS)
async def test_nobody_makes_a_second_person_of_themselves_by_another_s_password(
    guarded: Administration, act: str
) -> None:
    await guarded.sets_password("bob")
    made = await guarded.ask(ALICE, act, account="bob")
    assert list(made) == ["proposal"]
    assert (await guarded.ask(ALICE, act, account="engineer"))["link"]
    assert (await guarded.ask(ALICE, act, account="ally"))["link"]
    proposal = made["proposal"]
    about = {"proposal": proposal["id"], "digest": proposal["digest"]}
    with pytest.raises(Refusal) as caught:
        await guarded.ask(ALICE, "proposal.confirm", **about)
    assert caught.value.reason is Reason.SECOND_PERSON_NEEDED
    assert (await guarded.ask(CAROL, "proposal.confirm", **about))["result"]["link"]


async def test_nor_by_the_password_of_somebody_whom_another_let_administer(guarded: Administration) -> None:
    given = {"account": "engineer", "roles": ["approval"], "tenants": ["acme"], "ttl_s": 3600}
    await guarded.ask(CAROL, "administrator.delegate", **given)
    assert list(await guarded.ask(ALICE, "account.invite", account="engineer")) == ["proposal"]
    assert (await guarded.ask(CAROL, "account.invite", account="engineer"))["link"]  # it is no other person to Carol
    assert (await guarded.ask(ALICE, "account.invite", account="helper"))["link"]


async def test_nor_by_the_first_link_for_somebody_who_administers_already(guarded: Administration) -> None:
    for act in ("account.first", "account.invite"):
        assert list(await guarded.ask(CAROL, act, account="ally")) == ["proposal"]
        assert (await guarded.ask(CAROL, act, account="bob"))["link"]  # nobody else could let him begin


async def test_whether_another_tenant_s_account_administers_is_not_told(guarded: Administration) -> None:
    details = []
    for account in ("bob", "nobody"):
        with pytest.raises(Refusal) as caught:
            await guarded.ask(DAVE, "account.invite", account=account)
        assert caught.value.reason is Reason.NOT_FOUND
        details.append(caught.value.detail.replace(account, "X"))
    assert details[0] == details[1]
