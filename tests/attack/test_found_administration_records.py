"""Administration asked for with more than a record can hold is refused for that. Told as an outage instead, a denial
would be on no record.
"""

from __future__ import annotations

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

ALICE, BOB, CAROL = 4001, 4002, 4003
MORE = {
    "administrators": {
        "alice": {"uid": ALICE, "roles": {"acme": ["approval", "audit", "server"]}},
        "bob": {"uid": BOB, "roles": {"acme": ["approval"], "globex": ["approval"]}},
        "carol": {"uid": CAROL, "roles": {"acme": ["server"]}},
        "dave": {"uid": 4004, "roles": {"globex": ["approval"]}},
    },
}
LONG = "x" * 70_000
DELEGATED = {"account": "engineer", "roles": ["server"], "tenants": ["acme"], "ttl_s": 3600}


@dataclass
class Administration:
    acts: Acts

    async def ask(self, uid: int, act: str, **arguments: Any) -> Any:
        return await self.acts.at_socket(uid, act, arguments)

    async def refused(self, uid: int, act: str, **arguments: Any) -> Refusal:
        with pytest.raises(Refusal) as caught:
            await self.ask(uid, act, **arguments)
        return caught.value

    async def records(self) -> list[dict[str, Any]]:
        stream = await self.ask(ALICE, "audit.export")
        return [record async for record in stream if record["kind"] == "admin"]


@pytest.fixture
async def remit(tmp_path: Path) -> AsyncIterator[Administration]:
    settings = remit_process.configuration(8790, {"ours": {"stdio": {"command": ["true"]}}}, **MORE)
    remit_process.write(tmp_path, settings, {"acme/all.cedar": remit_process.PERMIT_ALL})
    assembled = await assemble(load(tmp_path / "remit.yaml"), ask_servers=False)
    try:
        yield Administration(Acts(assembled, assembled.files.clock.monotonic_s()))
    finally:
        await assembled.stop()


@pytest.mark.parametrize(
    ("act", "usual", "large"),
    [
        ("revoke", {"user": "engineer"}, {"user": LONG}),
        ("grant.end", {"grant": "grt_never"}, {"grant": LONG}),
        ("grant.create", {"user": "engineer", "client": "editor"}, {"user": "engineer", "client": LONG}),
        (
            "administrator.delegate",
            DELEGATED | {"tenants": ["acme", "globex"]},
            DELEGATED | {"tenants": [f"{number}{'x' * 250}" for number in range(300)]},
        ),
        ("administrator.delegate", DELEGATED | {"tenants": ["acme", "globex"]}, DELEGATED | {"tenants": ["A" * 1000]}),
    ],
)
async def test_nobody_asks_for_more_than_a_record_holds_to_have_none_written(
    remit: Administration, act: str, usual: dict[str, Any], large: dict[str, Any]
) -> None:
    assert (await remit.refused(CAROL, act, **large)).reason is Reason.INVALID_PARAMS
    denied = await remit.refused(CAROL, act, **usual)
    assert denied.reason is Reason.ROLE_MISSING
    (record,) = [record for record in await remit.records() if record["id"] == denied.decision_id]
    assert (record["act"], record["administrator"], record["effect"]) == (act, "carol", "deny")


async def test_only_what_was_understood_of_a_revocation_is_on_record(remit: Administration) -> None:
    for said, recorded in (([LONG], None), (True, True)):
        done = await remit.ask(ALICE, "revoke", user="engineer", everything=said)
        (record,) = [record for record in await remit.records() if record["id"] == done["decision_id"]]
        assert (record["user"], record.get("everything")) == ("engineer", recorded)


async def test_what_is_as_long_as_may_be_is_on_record_whole(remit: Administration) -> None:
    names = dict.fromkeys(("user", "client", "actor", "server", "grant"), "\x01" * 1024)
    done = await remit.ask(ALICE, "revoke", **names)
    (record,) = [record for record in await remit.records() if record["id"] == done["decision_id"]]
    assert {name: record[name] for name in names} == names
