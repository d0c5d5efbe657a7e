"""Administration that was delegated: not more than the delegator has, not passed on, not by another tenant, not for
ever; and no second person made of the first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
        "alice": {"uid": ALICE, "roles": {"acme": ["approval", "audit"], "globex": ["audit"]}},
        "bob": {"uid": BOB, "roles": {"acme": ["approval", "key"], "globex": ["approval", "key"]}},
        "dave": {"uid": 4004, "roles": {"globex": ["approval"]}},
        "carol": {"uid": CAROL, "roles": {"acme": ["audit"]}},
    },
    "admin_url": "http://127.0.0.1:8791",
    "admin_listen": "127.0.0.1:8791",
    "second_person": ["account.invite"],
}
GIVEN: dict[str, Any] = {"account": "engineer", "roles": ["approval"], "tenants": ["acme"], "ttl_s": 3600}


@dataclass
class Administration:
    acts: Acts

    async def ask(self, uid: int, act: str, **arguments: Any) -> Any:
        return await self.acts.at_socket(uid, act, arguments)

    async def as_delegate(self, act: str, **arguments: Any) -> Any:
        """`engineer`, who lets a client do everything."""
        everything = ThroughClient("c", "grt_1", "engineer", frozenset(Act))
        return await self.acts(self.acts.remit.administer.through(everything), act, arguments)

    async def refused(self, uid: int, act: str, **arguments: Any) -> Reason:
        with pytest.raises(Refusal) as caught:
            await self.ask(uid, act, **arguments)
        return caught.value.reason

    async def refused_to_delegate(self, act: str, **arguments: Any) -> Reason:
        with pytest.raises(Refusal) as caught:
            await self.as_delegate(act, **arguments)
        return caught.value.reason


@pytest.fixture
async def remit(tmp_path: Path) -> AsyncIterator[Administration]:
    async with running(tmp_path) as found:
        yield found


@asynccontextmanager
async def running(folder: Path, **changes: Any) -> AsyncIterator[Administration]:
    settings = remit_process.configuration(8790, {"ours": {"stdio": {"command": ["true"]}}}, **(MORE | changes))
    remit_process.write(folder, settings, {"acme/all.cedar": remit_process.PERMIT_ALL})
    assembled = await assemble(load(folder / "remit.yaml"), ask_servers=False)
    try:
        yield Administration(Acts(assembled, assembled.files.clock.monotonic_s()))
    finally:
        await assembled.stop()


async def test_a_delegate_does_what_was_delegated_and_nothing_else(remit: Administration) -> None:
    assert await remit.refused_to_delegate("grant.list") is Reason.ROLE_MISSING
    made = (await remit.ask(ALICE, "administrator.delegate", **GIVEN))["administrator"]
    assert (made["account"], made["roles"], made["delegated_by"]) == ("engineer", {"acme": ["approval"]}, "alice")
    assert await remit.as_delegate("grant.list") == {"grants": []}
    for act in ("audit.head", "key.rotate", "policy.reload"):
        assert await remit.refused_to_delegate(act) is Reason.ROLE_MISSING
    assert await remit.refused_to_delegate("revoke", tenant="globex") is Reason.ROLE_MISSING


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"roles": ["key"]}, Reason.ROLE_MISSING),
        ({"roles": ["approval", "server"]}, Reason.ROLE_MISSING),
        ({"tenants": ["acme", "globex"]}, Reason.ROLE_MISSING),
        ({"account": "analyst", "tenants": ["globex"], "roles": ["audit"]}, Reason.ROLE_MISSING),
        ({"account": "nobody"}, Reason.NOT_FOUND),
        ({"roles": ["root"]}, Reason.INVALID_PARAMS),
        ({"roles": []}, Reason.INVALID_PARAMS),
        ({"tenants": []}, Reason.INVALID_PARAMS),
        ({"ttl_s": 59}, Reason.INVALID_PARAMS),
        ({"ttl_s": 2_592_001}, Reason.INVALID_PARAMS),
        ({"ttl_s": float("nan")}, Reason.INVALID_PARAMS),
        ({"ttl_s": True}, Reason.INVALID_PARAMS),
        ({"ttl_s": None}, Reason.INVALID_PARAMS),
    ],
    ids=str,
)
async def test_nothing_is_delegated_that_is_not_held(
    remit: Administration, changes: dict[str, Any], expected: Reason
) -> None:
    assert await remit.refused(ALICE, "administrator.delegate", **(GIVEN | changes)) is expected
    assert await remit.refused_to_delegate("grant.list") is Reason.ROLE_MISSING
    assert await remit.ask(ALICE, "administrator.delegate", **GIVEN)


async def test_an_auditor_delegates_nothing(remit: Administration) -> None:
    given = GIVEN | {"roles": ["audit"]}
    assert await remit.refused(CAROL, "administrator.delegate", **given) is Reason.ROLE_MISSING
    assert await remit.ask(ALICE, "administrator.delegate", **given)


async def test_what_was_delegated_is_not_delegated_on(remit: Administration) -> None:
    await remit.ask(ALICE, "administrator.delegate", **GIVEN)
    assert (
        await remit.refused_to_delegate("administrator.delegate", **(GIVEN | {"account": "x"})) is Reason.ROLE_MISSING
    )
    assert await remit.refused(BOB, "administrator.delegate", **GIVEN) is Reason.CONFLICT


async def test_what_the_delegator_loses_the_delegate_loses(remit: Administration) -> None:
    await remit.ask(ALICE, "administrator.delegate", **GIVEN)
    assert await remit.as_delegate("grant.list")
    delegate = remit.acts.remit.delegate
    alice, *others = delegate.configured
    delegate.configured = (replace(alice, roles={"acme": frozenset({Role.AUDIT})}), *others)
    assert await remit.refused_to_delegate("grant.list") is Reason.ROLE_MISSING
    delegate.configured = tuple(others)
    assert await remit.refused_to_delegate("grant.list") is Reason.ROLE_MISSING


async def test_it_is_ended_by_its_delegator_or_whoever_holds_as_much_and_looks_like_none_to_others(
    remit: Administration,
) -> None:
    for uid, ends in ((CAROL, False), (ALICE, True), (BOB, True)):
        made = (await remit.ask(ALICE, "administrator.delegate", **GIVEN))["administrator"]
        if ends:
            assert await remit.ask(uid, "administrator.undelegate", delegation=made["delegation"])
        else:
            assert await remit.refused(uid, "administrator.undelegate", delegation=made["delegation"]) in (
                Reason.ROLE_MISSING, Reason.NOT_FOUND,
            )  # fmt: skip
            await remit.ask(ALICE, "administrator.undelegate", delegation=made["delegation"])
        assert await remit.refused_to_delegate("grant.list") is Reason.ROLE_MISSING
    assert await remit.refused(ALICE, "administrator.undelegate", delegation="dlg_never") is Reason.NOT_FOUND


async def test_a_delegate_is_no_second_person_for_their_delegator_nor_the_other_way_round(
    remit: Administration,
) -> None:
    await remit.ask(ALICE, "administrator.delegate", **GIVEN)
    by_alice = (await remit.ask(ALICE, "account.invite", account="engineer"))["proposal"]
    about = {"proposal": by_alice["id"], "digest": by_alice["digest"]}
    assert await remit.refused_to_delegate("proposal.confirm", **about) is Reason.SECOND_PERSON_NEEDED
    by_delegate = (await remit.as_delegate("account.invite", account="engineer"))["proposal"]
    theirs = {"proposal": by_delegate["id"], "digest": by_delegate["digest"]}
    assert await remit.refused(ALICE, "proposal.confirm", **theirs) is Reason.SECOND_PERSON_NEEDED
    assert (await remit.ask(BOB, "proposal.confirm", **theirs))["result"]["link"]


async def test_who_administers_is_told_for_one_s_own_tenants(remit: Administration) -> None:
    await remit.ask(ALICE, "administrator.delegate", **GIVEN)
    told = (await remit.ask(CAROL, "administrator.list"))["administrators"]
    assert {each["name"]: each["roles"] for each in told} == {
        "alice": {"acme": ["approval", "audit"]}, "bob": {"acme": ["approval", "key"]}, "carol": {"acme": ["audit"]},
        "engineer (delegated by alice)": {"acme": ["approval"]},
    }  # fmt: skip


async def test_delegating_and_ending_it_are_on_record(remit: Administration) -> None:
    made = (await remit.ask(ALICE, "administrator.delegate", **GIVEN))["administrator"]
    await remit.as_delegate("grant.list")
    await remit.ask(ALICE, "administrator.undelegate", delegation=made["delegation"])
    stream = await remit.ask(ALICE, "audit.export")
    records = [record async for record in stream if record["kind"] == "admin"]
    assert [(record["act"], record["administrator"]) for record in records][:3] == [
        ("administrator.delegate", "alice"),
        ("grant.list", "engineer (delegated by alice)"),
        ("administrator.undelegate", "alice"),
    ]
    assert records[0]["delegation"] == records[2]["delegation"] == made["delegation"]


ANALYST = {"analyst": {"tenant": "globex"}}


@pytest.mark.parametrize("left", [ANALYST, ANALYST | {"engineer": {"tenant": "elsewhere"}}], ids=["gone", "elsewhere"])
async def test_an_account_that_left_administers_no_more_nor_whoever_has_its_name_next(
    tmp_path: Path, left: dict[str, Any]
) -> None:
    tenants = ["acme", "globex", "elsewhere"]
    async with running(tmp_path, tenants=tenants) as remit:
        await remit.ask(ALICE, "administrator.delegate", **GIVEN)
    async with running(tmp_path, tenants=tenants) as remit:
        assert await remit.as_delegate("grant.list") == {"grants": []}
    async with running(tmp_path, tenants=tenants, accounts=left) as remit:
        assert await remit.refused_to_delegate("grant.list") is Reason.ROLE_MISSING
        await remit.acts.remit.delegate.sweep()
    async with running(tmp_path, tenants=tenants) as remit:
        assert await remit.refused_to_delegate("grant.list") is Reason.ROLE_MISSING
        await remit.ask(ALICE, "administrator.delegate", **GIVEN)
        assert await remit.as_delegate("grant.list") == {"grants": []}
