"""An administrator of one tenant at work on another's: nothing of theirs is seen, ended, explained, proved, blinded or
approved, and what may not be seen looks like what there never was. Every act is refused to whoever lacks its role.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from remit.app.acts.table import ACTS, Acts
from remit.app.settings import load
from remit.app.wiring import assemble
from remit.core.errors import Refusal
from remit.core.logins import Step
from remit.core.reasons import Reason
from tests.peers import remit_process

ACME, GLOBEX, KEYS, STRANGER, MIXED = 4001, 4002, 4003, 4004, 4005
ROLES = ["server", "policy", "approval", "key", "audit"]
ADMINISTRATORS = {
    "alice": {"uid": ACME, "roles": ROLES, "tenants": ["acme"]},
    "bob": {"uid": GLOBEX, "roles": ROLES, "tenants": ["globex"]},
    "carol": {"uid": KEYS, "roles": ["key"], "tenants": ["acme"]},
    "erin": {"uid": MIXED, "roles": {"acme": ["audit"], "globex": ["approval", "audit"]}},
    "boss": {"account": "engineer", "roles": {"acme": ROLES, "globex": ["key"]}},
    "dave": {"uid": os.getuid(), "roles": ROLES, "tenants": ["acme"]},
}
SERVERS = {
    "ours": {"stdio": {"command": ["true"]}},
    "theirs": {"stdio": {"command": ["true"]}, "tenants": ["globex"]},
    "shared": {"stdio": {"command": ["true"]}, "tenants": ["acme", "globex"]},
}
OF_KEYS = ("key.rotate", "audit.erase", "status", "proposal.list", "administrator.list")
OF_EVERYBODY_ELSE = (
    "proposal.confirm", "proposal.withdraw", "administrator.delegate", "administrator.undelegate",
)  # fmt: skip  # what is proposed has a rule of its own


@dataclass
class Administration:
    """Two tenants with an administrator and a grant each; `theirs` and `their_act` are of the other tenant."""

    acts: Acts
    ours: str = ""
    theirs: str = ""
    our_act: str = ""
    their_act: str = ""

    async def ask(self, uid: int, act: str, **arguments: Any) -> Any:
        answer = await self.acts.at_socket(uid, act, arguments)
        return [item async for item in answer] if isinstance(answer, AsyncIterator) else answer

    async def refused(self, uid: int, act: str, **arguments: Any) -> Refusal:
        with pytest.raises(Refusal) as caught:
            await self.ask(uid, act, **arguments)
        return caught.value

    async def states(self, uid: int) -> dict[str, str]:
        return {grant["id"]: grant["state"] for grant in (await self.ask(uid, "grant.list"))["grants"]}


@pytest.fixture
async def remit(tmp_path: Path) -> AsyncIterator[Administration]:
    settings = remit_process.configuration(8788, SERVERS, administrators=ADMINISTRATORS)
    policies = {f"{tenant}/all.cedar": remit_process.PERMIT_ALL for tenant in ("acme", "globex")}
    remit_process.write(tmp_path, settings, policies)
    assembled = await assemble(load(tmp_path / "remit.yaml"), ask_servers=False)
    found = Administration(Acts(assembled, assembled.files.clock.monotonic_s()))
    try:
        ours = await found.ask(ACME, "grant.create", user="engineer", client="editor", purpose="p")
        theirs = await found.ask(GLOBEX, "grant.create", user="analyst", client="notebook", purpose="p")
        found.ours, found.our_act = ours["grant"]["id"], ours["decision_id"]
        found.theirs, found.their_act = theirs["grant"]["id"], theirs["decision_id"]
        yield found
    finally:
        await assembled.stop()


async def test_each_sees_the_grants_servers_and_policies_of_its_own_tenant(remit: Administration) -> None:
    assert await remit.states(ACME) == {remit.ours: "active"}
    assert await remit.states(GLOBEX) == {remit.theirs: "active"}
    assert (await remit.ask(ACME, "grant.list", user="analyst"))["grants"] == []
    listed = (await remit.ask(ACME, "server.list"))["servers"]
    assert [server["name"] for server in listed] == ["ours", "shared"]
    for act in ("policy.check", "policy.reload"):
        assert list((await remit.ask(ACME, act))["tenants"]) == ["acme"]
    status = await remit.ask(ACME, "status")
    assert (status["grants"], list(status["policies"])) == (1, ["acme"])
    assert [server["name"] for server in status["servers"]] == ["ours", "shared"]
    await remit.ask(ACME, "revoke", everything=True)
    assert (await remit.ask(ACME, "status"))["grants"] == 0


async def test_a_fault_in_another_tenant_s_policies_is_not_told(remit: Administration) -> None:
    (remit.acts.remit.configuration.policies_dir / "globex" / "broken.cedar").write_text("permit (")
    for uid, tenant, files in ((ACME, "acme", []), (GLOBEX, "globex", ["globex/broken.cedar"])):
        told = (await remit.ask(uid, "policy.reload"))["tenants"][tenant]["problems"]
        assert [problem["file"] for problem in told] == files


@pytest.mark.parametrize(("uid", "assurance"), [(ACME, "separate-user"), (os.getuid(), "same-user")])
async def test_a_grant_says_whether_its_maker_shares_remit_s_user(
    remit: Administration, uid: int, assurance: str
) -> None:
    made = await remit.ask(uid, "grant.create", user="engineer", client="editor", purpose="p")
    assert made["grant"]["assurance"] == assurance
    assert (await remit.ask(uid, "status"))["assurance"] == assurance


@pytest.mark.parametrize("selected", [{"user": "analyst"}, {"client": "notebook"}, {"everything": True}])
async def test_revoking_ends_nothing_of_another_tenant(remit: Administration, selected: dict[str, Any]) -> None:
    ended = await remit.ask(ACME, "revoke", **selected)
    assert ended["grants"] == ([remit.ours] if "everything" in selected else [])
    assert await remit.states(GLOBEX) == {remit.theirs: "active"}
    assert (await remit.ask(GLOBEX, "revoke", **selected))["grants"] == [remit.theirs]


async def ended(remit: Administration, grant: str) -> list[str]:
    found: list[str] = (await remit.ask(ACME, "grant.end", grant=grant))["grants"]
    return found


async def test_naming_another_tenant_or_its_grant_ends_nothing(remit: Administration) -> None:
    assert (await remit.refused(ACME, "revoke", tenant="globex")).reason is Reason.ROLE_MISSING
    assert await ended(remit, remit.theirs) == await ended(remit, "grt_never")  # it looks like one there never was
    assert (await remit.ask(ACME, "revoke", grant=remit.theirs))["grants"] == []
    assert await remit.states(GLOBEX) == {remit.theirs: "active"}
    assert (await remit.ask(GLOBEX, "grant.end", grant=remit.theirs))["grants"] == [remit.theirs]
    assert (await remit.ask(ACME, "revoke", tenant="acme"))["grants"] == [remit.ours]


async def test_a_revocation_of_nothing_in_particular_is_refused(remit: Administration) -> None:
    for nothing in ({}, {"everything": False}, {"everything": "yes"}, {"grant": ""}):
        assert (await remit.refused(ACME, "revoke", **nothing)).reason is Reason.INVALID_PARAMS
    assert await remit.states(ACME) == {remit.ours: "active"}


@pytest.mark.parametrize(("asked", "given"), [({}, "/mcp"), ({"resource": "/mcp/ours"}, "/mcp/ours")])
async def test_a_grant_is_for_the_endpoint_that_was_asked_for(
    remit: Administration, asked: dict[str, str], given: str
) -> None:
    made = await remit.ask(ACME, "grant.create", user="engineer", client="editor", purpose="p", **asked)
    assert made["grant"]["resource"].endswith(f":8788{given}")


async def test_no_grant_is_made_for_another_tenant_s_account(remit: Administration) -> None:
    refusal = await remit.refused(ACME, "grant.create", user="analyst", client="notebook", purpose="p")
    assert refusal.reason is Reason.INVALID_PARAMS  # as for an account that there is not
    assert await remit.states(GLOBEX) == {remit.theirs: "active"}


@pytest.mark.parametrize("act", ["server.diff", "server.approve"])
async def test_another_tenant_s_server_looks_like_one_there_never_was(remit: Administration, act: str) -> None:
    theirs = await remit.refused(ACME, act, server="theirs", item="tool/x", digest="0")
    never = await remit.refused(ACME, act, server="never", item="tool/x", digest="0")
    assert theirs.detail.replace("theirs", "never") == never.detail
    assert (await remit.refused(ACME, act, server="shared")).reason is Reason.ROLE_MISSING  # it is not hers alone
    assert (await remit.ask(ACME, "server.diff", server="ours"))["changes"] == []


def of_another(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for record in records if record.get("tenant") == "globex" or record.get("tenants") == ["globex"]]


@pytest.mark.parametrize("act", ["audit.tail", "audit.export"])
async def test_no_record_of_another_tenant_is_read(remit: Administration, act: str) -> None:
    read = await remit.ask(ACME, act)
    assert remit.our_act in {record["id"] for record in read}
    assert of_another(read) == []
    assert remit.their_act in {record["id"] for record in of_another(await remit.ask(GLOBEX, act))}


async def test_an_export_holds_the_records_that_were_asked_for(remit: Administration) -> None:
    everything = await remit.ask(ACME, "audit.export")
    chosen = [record["seq"] for record in everything][1:3]
    exported = await remit.ask(ACME, "audit.export", first=chosen[0], last=chosen[-1])
    assert [record["seq"] for record in exported] == chosen
    for unread in ({"first": "1"}, {"last": "9"}, {"first": 1.5}):
        assert (await remit.refused(ACME, "audit.export", **unread)).reason is Reason.INVALID_PARAMS


@pytest.mark.parametrize(("count", "read"), [(0, 0), (1, 1), (10_000, None)])
async def test_a_tail_is_as_long_as_was_asked_for(remit: Administration, count: int, read: int | None) -> None:
    tail = await remit.ask(ACME, "audit.tail", count=count)
    assert len(tail) == read or (read is None and len(tail) > 3)


@pytest.mark.parametrize("count", [-1, 10_001, "5", 1.5, None])
async def test_a_tail_of_no_length_is_refused(remit: Administration, count: Any) -> None:
    assert (await remit.refused(ACME, "audit.tail", count=count)).reason is Reason.INVALID_PARAMS


async def effects(remit: Administration, decision_id: str) -> list[str]:
    return [record["effect"] for record in await remit.ask(ACME, "audit.export") if record["id"] == decision_id]


@pytest.mark.parametrize(
    ("act", "asked"),
    [
        ("grant.create", {"user": "engineer", "client": "nobody", "purpose": "p"}),
        ("server.approve", {"server": "ours", "item": "tool/none", "digest": "0"}),
    ],
)
async def test_an_act_that_is_refused_for_what_it_asks_has_both_on_record(
    remit: Administration, act: str, asked: dict[str, str]
) -> None:
    refusal = await remit.refused(ACME, act, **asked)
    assert refusal.reason is not Reason.ROLE_MISSING
    assert await effects(remit, refusal.decision_id) == ["permit", "refused"]
    assert await effects(remit, remit.our_act) == ["permit"]


@pytest.mark.parametrize("act", ["explain", "audit.prove", "audit.erase"])
async def test_another_tenant_s_decision_looks_like_one_there_never_was(remit: Administration, act: str) -> None:
    theirs = await remit.refused(ACME, act, decision_id=remit.their_act, arguments={})
    never = await remit.refused(ACME, act, decision_id="dec_never", arguments={})
    assert theirs.reason is never.reason is Reason.NOT_FOUND
    assert theirs.detail.replace(remit.their_act, "dec_never") == never.detail
    if act != "explain":  # reading is on record by itself
        assert await effects(remit, theirs.decision_id) == ["permit", "refused"]
    assert await remit.ask(GLOBEX, act, decision_id=remit.their_act, arguments={})
    assert await remit.ask(ACME, act, decision_id=remit.our_act, arguments={})


async def test_another_tenant_s_login_looks_like_one_there_never_was(remit: Administration) -> None:
    trace = remit.acts.remit.authorize.trace
    for login, client, account in (("req_a", "editor", ""), ("req_b", "notebook", ""), ("req_c", "editor", "analyst")):
        trace.begin(login, {"client_id": client})
        trace.note(login, Step.ASKED, account=account)
    listed = {uid: (await remit.ask(uid, "login.list"))["logins"] for uid in (ACME, GLOBEX)}
    assert {login["login"] for login in listed[ACME]} == {"req_a"}
    assert {login["login"] for login in listed[GLOBEX]} == {"req_b", "req_c"}  # who signed in there is theirs
    never = await remit.refused(ACME, "login.trace", login="req_never")
    for theirs in ("req_b", "req_c"):
        refusal = await remit.refused(ACME, "login.trace", login=theirs)
        assert refusal.detail.replace(theirs, "req_never") == never.detail
    assert (await remit.ask(ACME, "login.trace", login="req_a"))["client"] == "editor"


@pytest.mark.parametrize("act", [act for act in ACTS if act not in OF_KEYS + OF_EVERYBODY_ELSE])
async def test_whoever_lacks_the_role_is_refused_and_the_record_says_so(remit: Administration, act: str) -> None:
    about = {"user": "engineer", "client": "editor", "purpose": "p", "grant": remit.ours, "server": "ours"}
    refusal = await remit.refused(KEYS, act, **about, decision_id=remit.our_act, arguments={})
    assert refusal.reason is Reason.ROLE_MISSING
    assert await remit.states(ACME) == {remit.ours: "active"}
    records = await remit.ask(ACME, "audit.export")
    (denied,) = [record for record in records if record["id"] == refusal.decision_id]
    assert (denied["administrator"], denied["effect"]) == ("carol", "deny")


async def test_a_role_for_one_tenant_does_nothing_for_another(remit: Administration) -> None:
    assert set(await remit.states(MIXED)) == {remit.ours, remit.theirs}
    assert (await remit.refused(MIXED, "grant.end", grant=remit.ours)).reason is Reason.ROLE_MISSING
    assert (await remit.ask(MIXED, "revoke", everything=True))["grants"] == [remit.theirs]
    assert (await remit.states(ACME))[remit.ours] == "active"


async def test_nobody_becomes_an_administrator_with_more_roles_by_setting_their_password(
    remit: Administration,
) -> None:
    assert (await remit.refused(ACME, "account.invite", account="engineer")).reason is Reason.ROLE_MISSING
    assert await remit.ask(GLOBEX, "account.invite", account="analyst")


@pytest.mark.parametrize("act", list(ACTS))
async def test_a_user_that_is_no_administrator_is_refused_every_act(remit: Administration, act: str) -> None:
    about = {"user": "engineer", "client": "editor", "purpose": "p", "grant": remit.ours, "server": "ours"}
    refusal = await remit.refused(STRANGER, act, **about, decision_id=remit.our_act, arguments={})
    assert refusal.reason is Reason.ROLE_MISSING


@pytest.mark.parametrize("act", OF_KEYS)
async def test_the_role_of_keys_may_do_what_it_is_for_and_every_act_is_on_record(
    remit: Administration, act: str
) -> None:
    assert await remit.ask(KEYS, act, decision_id=remit.our_act)
    carried_out = [record for record in await remit.ask(ACME, "audit.export") if record.get("act") == act]
    assert [(record["administrator"], record["effect"]) for record in carried_out] == [("carol", "permit")]
