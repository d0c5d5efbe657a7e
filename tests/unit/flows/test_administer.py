"""Every administrative act is decided and recorded before it happens."""

from __future__ import annotations

import asyncio

import pytest

from remit.core.administration import Act, Administrator, Asker, AtSocket, Role
from remit.core.errors import Denied, Outage
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from remit.flows.administer import Administer
from remit.testing.clock import FakeEntropy
from remit.testing.ledger import FakeLedger

ACME = frozenset({"acme"})
ALICE = Administrator("alice", {"acme": frozenset({Role.APPROVAL})}, 1000)
TWIN = Administrator("twin", {"acme": frozenset({Role.KEY})}, 1002)
ASKER = Asker(ALICE, AtSocket(1000))


@pytest.fixture
def ledger() -> FakeLedger:
    return FakeLedger()


@pytest.fixture
def administer(ledger: FakeLedger) -> Administer:
    return Administer((ALICE, TWIN, TWIN), ledger, FakeEntropy())


async def test_a_permitted_act_is_recorded_and_named(administer: Administer, ledger: FakeLedger) -> None:
    permitted = await administer.permit(ASKER, Act.GRANT_CREATE, ACME, {"account": "engineer"})
    (record,) = ledger.of_kind(RecordKind.ADMIN)
    assert record["id"] == permitted.decision_id
    wanted = {"act": "grant.create", "administrator": "alice", "uid": 1000, "tenants": ["acme"], "effect": "permit"}
    assert {**wanted, "account": "engineer"}.items() <= record.items()


async def test_a_denied_act_is_recorded_and_carries_its_id(administer: Administer, ledger: FakeLedger) -> None:
    with pytest.raises(Denied) as caught:
        await administer.permit(ASKER, Act.KEY_ROTATE, frozenset(), {})
    (record,) = ledger.of_kind(RecordKind.ADMIN)
    assert (record["effect"], record["reason"], record["id"]) == ("deny", "role_missing", caught.value.decision_id)


@pytest.mark.parametrize("act", [Act.REVOKE, Act.GRANT_LIST])
async def test_an_act_waits_until_its_record_is_durable(administer: Administer, ledger: FakeLedger, act: Act) -> None:
    ledger.hold_sync()
    task = asyncio.ensure_future(administer.permit(ASKER, act, ACME, {}))
    await asyncio.sleep(0)
    assert not task.done()
    ledger.release_sync()
    assert (await task).act is act


async def test_without_a_ledger_there_is_no_administration(administer: Administer, ledger: FakeLedger) -> None:
    ledger.fail_writes()
    with pytest.raises(Outage):
        await administer.permit(ASKER, Act.GRANT_LIST, ACME, {})


def test_an_operating_system_user_is_one_administrator_or_nobody(administer: Administer, ledger: FakeLedger) -> None:
    assert administer.at_socket(1000) == ASKER
    for uid in (0, 1001, 1002):
        with pytest.raises(Denied):
            administer.at_socket(uid)
    assert ledger.refusals[Reason.ROLE_MISSING] == 3


def test_a_detail_cannot_pose_as_a_field_of_the_act(administer: Administer) -> None:
    from remit.core.administration import admin_fields

    fields = admin_fields(ASKER, Act.REVOKE, ACME, {"administrator": "mallory", "act": "status"})
    assert (fields["administrator"], fields["act"]) == ("alice", "revoke")
