"""Author is not approver: who proposes an act cannot carry it out, alone, by another name, changed, twice or late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remit.app.acts.table import Acts
from remit.app.settings import load
from remit.app.wiring import assemble
from remit.core.errors import Refusal
from remit.core.reasons import Reason
from tests.peers import remit_process

ALICE, BOB, CAROL, DAVE, ERIN = 4001, 4002, 4003, 4004, 4005
ADMINISTRATORS = {
    "alice": {"uid": ALICE, "roles": ["approval", "key", "policy"], "tenants": ["acme"]},
    "bob": {"uid": BOB, "roles": ["approval", "key", "policy"], "tenants": ["acme", "globex"]},
    "carol": {"uid": CAROL, "roles": ["audit"], "tenants": ["acme", "globex"]},
    "dave": {"uid": DAVE, "roles": ["approval"], "tenants": ["globex"]},
    "frank": {"uid": 4006, "roles": ["policy"], "tenants": ["globex"]},
    "erin": {"uid": ERIN, "roles": ["server"], "tenants": ["acme"]},
}
WAITING = ["grant.create", "account.invite", "key.rotate", "policy.reload"]
WANTED = {"user": "engineer", "client": "editor", "purpose": "p"}


@dataclass
class Administration:
    acts: Acts

    async def ask(self, uid: int, act: str, **arguments: Any) -> Any:
        answer = await self.acts.at_socket(uid, act, arguments)
        return [item async for item in answer] if isinstance(answer, AsyncIterator) else answer

    async def refused(self, uid: int, act: str, **arguments: Any) -> Reason:
        with pytest.raises(Refusal) as caught:
            await self.ask(uid, act, **arguments)
        return caught.value.reason

    async def proposed(self, uid: int = ALICE, act: str = "grant.create", **arguments: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await self.ask(uid, act, **(arguments or WANTED))
        assert list(answer) == ["proposal"]
        found: dict[str, Any] = answer["proposal"]
        return found

    def grants(self) -> int:
        return len(list(self.acts.remit.grants))


@pytest.fixture
async def remit(tmp_path: Path) -> AsyncIterator[Administration]:
    more = {"administrators": ADMINISTRATORS, "second_person": WAITING, "proposal_ttl_s": 900}
    settings = remit_process.configuration(8789, {"ours": {"stdio": {"command": ["true"]}}}, **more)
    remit_process.write(tmp_path, settings, {"acme/all.cedar": remit_process.PERMIT_ALL})
    assembled = await assemble(load(tmp_path / "remit.yaml"), ask_servers=False)
    try:
        yield Administration(Acts(assembled, assembled.files.clock.monotonic_s()))
    finally:
        await assembled.stop()


async def test_what_is_proposed_is_done_by_another_and_told_to_them(remit: Administration) -> None:
    proposal = await remit.proposed()
    assert (remit.grants(), proposal["by"], proposal["arguments"]) == (0, "alice", WANTED)
    done = await remit.ask(BOB, "proposal.confirm", proposal=proposal["id"], digest=proposal["digest"])
    assert (done["act"], remit.grants()) == ("grant.create", 1)
    assert done["result"]["access_token"]
    records = [record for record in await remit.ask(CAROL, "audit.export") if record.get("proposal") == proposal["id"]]
    assert [(record["act"], record["administrator"], record["effect"]) for record in records] == [
        ("grant.create", "alice", "proposed"),
        ("proposal.confirm", "bob", "permit"),
        ("grant.create", "bob", "permit"),
    ]
    assert records[-1]["proposed_by"] == "alice"
    assert "access_token" not in str(await remit.ask(CAROL, "proposal.list"))


async def test_whoever_proposed_it_cannot_confirm_it(remit: Administration) -> None:
    proposal = await remit.proposed()
    about = {"proposal": proposal["id"], "digest": proposal["digest"]}
    assert await remit.refused(ALICE, "proposal.confirm", **about) is Reason.SECOND_PERSON_NEEDED
    assert remit.grants() == 0
    await remit.ask(BOB, "proposal.confirm", **about)
    assert remit.grants() == 1


async def test_a_proposal_is_confirmed_once_and_not_after_it_was_withdrawn(remit: Administration) -> None:
    proposal, other = await remit.proposed(), await remit.proposed()
    about = {"proposal": proposal["id"], "digest": proposal["digest"]}
    await remit.ask(BOB, "proposal.confirm", **about)
    assert await remit.refused(BOB, "proposal.confirm", **about) is Reason.CONFLICT
    await remit.ask(ALICE, "proposal.withdraw", proposal=other["id"])
    assert await remit.refused(
        BOB, "proposal.confirm", proposal=other["id"], digest=other["digest"]
    ) is Reason.CONFLICT  # fmt: skip
    assert remit.grants() == 1


async def test_what_was_not_shown_is_not_confirmed(remit: Administration) -> None:
    proposal, other = await remit.proposed(), await remit.proposed(user="engineer", client="editor", purpose="q")
    for digest in ("", other["digest"], "0" * 64):
        assert await remit.refused(BOB, "proposal.confirm", proposal=proposal["id"], digest=digest) is Reason.CONFLICT
    more = {"proposal": proposal["id"], "digest": proposal["digest"], "user": "analyst", "ttl_s": 3600}
    done = await remit.ask(BOB, "proposal.confirm", **more)  # what else is said is said to nobody
    assert (done["result"]["grant"]["subject"], done["result"]["grant"]["purpose"]) == ("engineer", "p")


@pytest.mark.parametrize("uid", [CAROL, DAVE, ERIN])
async def test_only_whoever_may_do_it_themselves_confirms_it(remit: Administration, uid: int) -> None:
    proposal = await remit.proposed()
    about = {"proposal": proposal["id"], "digest": proposal["digest"]}
    assert await remit.refused(uid, "proposal.confirm", **about) in (Reason.ROLE_MISSING, Reason.NOT_FOUND)
    assert await remit.refused(uid, "proposal.withdraw", **about) in (Reason.ROLE_MISSING, Reason.NOT_FOUND)
    assert remit.grants() == 0
    await remit.ask(BOB, "proposal.confirm", **about)
    assert remit.grants() == 1


async def test_another_tenant_s_proposal_looks_like_one_there_never_was(remit: Administration) -> None:
    proposal = await remit.proposed()
    for act in ("proposal.confirm", "proposal.withdraw"):
        with pytest.raises(Refusal) as theirs:
            await remit.ask(DAVE, act, proposal=proposal["id"], digest=proposal["digest"])
        with pytest.raises(Refusal) as never:
            await remit.ask(DAVE, act, proposal="prp_never", digest="")
        assert theirs.value.detail.replace(proposal["id"], "prp_never") == never.value.detail
    seen = {uid: len((await remit.ask(uid, "proposal.list"))["proposals"]) for uid in (ALICE, BOB, CAROL, DAVE, ERIN)}
    assert seen == {ALICE: 1, BOB: 1, CAROL: 1, DAVE: 0, ERIN: 0}


async def test_what_one_may_not_do_one_may_not_propose(remit: Administration) -> None:
    for uid in (CAROL, ERIN):
        assert await remit.refused(uid, "grant.create", **WANTED) is Reason.ROLE_MISSING
    assert await remit.refused(DAVE, "grant.create", **WANTED) is Reason.INVALID_PARAMS  # no account that he may see
    assert await remit.refused(DAVE, "account.invite", account="engineer") is Reason.NOT_FOUND
    assert (await remit.ask(CAROL, "proposal.list"))["proposals"] == []
    assert await remit.proposed()


async def test_what_the_proposer_lost_meanwhile_is_not_done(remit: Administration) -> None:
    from dataclasses import replace

    from remit.core.administration import Role

    proposal = await remit.proposed()
    known = remit.acts.remit.administer
    stripped = tuple(
        replace(each, roles={"acme": frozenset({Role.AUDIT})}) if each.name == "alice" else each
        for each in known.administrators
    )
    object.__setattr__(known, "administrators", stripped)
    about = {"proposal": proposal["id"], "digest": proposal["digest"]}
    assert await remit.refused(BOB, "proposal.confirm", **about) is Reason.CONFLICT
    assert remit.grants() == 0


async def test_no_other_tenant_is_touched_than_when_it_was_proposed(remit: Administration) -> None:
    proposal = await remit.proposed(act="policy.reload", uid=ALICE, nothing="")
    about = {"proposal": proposal["id"], "digest": proposal["digest"]}
    done = await remit.ask(
        BOB, "proposal.confirm", **about
    )  # of both tenants, and still only this one is theirs to see
    assert (proposal["tenants"], list(done["result"]["tenants"])) == (["acme"], ["acme"])


async def test_an_act_of_the_process_waits_too(remit: Administration) -> None:
    proposal = await remit.proposed(act="key.rotate", nothing="")
    assert proposal["tenants"] == []
    about = {"proposal": proposal["id"], "digest": proposal["digest"]}
    assert await remit.refused(ERIN, "proposal.confirm", **about) is Reason.NOT_FOUND
    assert await remit.refused(ALICE, "proposal.confirm", **about) is Reason.SECOND_PERSON_NEEDED
    assert (await remit.ask(BOB, "proposal.confirm", **about))["result"]["kid"]


async def test_what_ends_authority_waits_for_no_second_person(remit: Administration) -> None:
    proposal = await remit.proposed()
    await remit.ask(BOB, "proposal.confirm", proposal=proposal["id"], digest=proposal["digest"])
    assert len((await remit.ask(ALICE, "revoke", everything=True))["grants"]) == 1


async def test_a_proposal_outlives_a_restart_and_no_secret_is_kept_with_it(
    remit: Administration, tmp_path: Path
) -> None:
    proposal = await remit.proposed(act="account.invite", account="engineer")
    again = await remit.acts.remit.files.store.rows("proposal")
    assert [row.id for row in again] == [proposal["id"]]
    done = await remit.ask(BOB, "proposal.confirm", proposal=proposal["id"], digest=proposal["digest"])
    link = done["result"]["link"].partition("link=")[2]
    assert link
    (row,) = await remit.acts.remit.files.store.rows("proposal")
    assert link.encode() not in row.content


async def test_what_was_proposed_is_on_record_as_done_as_often_as_it_was(remit: Administration) -> None:
    proposal = await remit.proposed()
    about = {"proposal": proposal["id"], "digest": proposal["digest"]}
    confirming = [remit.ask(BOB, "proposal.confirm", **about) for _ in range(3)]
    answers = await asyncio.gather(*confirming, return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Invalid", "Invalid", "dict"]
    assert await remit.refused(BOB, "proposal.confirm", **about) is Reason.CONFLICT
    records = [record for record in await remit.ask(CAROL, "audit.export") if record.get("act") == "grant.create"]
    effects = {record["id"]: record["effect"] for record in records}  # the last one says what became of it
    assert (sorted(effects.values()), remit.grants()) == (["permit", "proposed", *["refused"] * 3], 1)
