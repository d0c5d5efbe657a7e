"""Records about accounts."""

from __future__ import annotations

import asyncio

from remit.core.clients import Account
from remit.core.ledger import RecordKind
from remit.flows.account_records import AccountRecords
from remit.testing.clock import FakeClock, FakeEntropy
from remit.testing.ledger import FakeLedger


async def test_what_is_written_is_durable_before_anybody_goes_on() -> None:
    ledger = FakeLedger(FakeClock())
    records = AccountRecords({"engineer": Account("engineer", "acme", frozenset())}, ledger, FakeEntropy())
    ledger.hold_sync()
    writing = asyncio.create_task(records.write("engineer", "passkey_added", passkey="phone"))
    await asyncio.sleep(0)
    assert not writing.done()
    ledger.release_sync()
    await writing
    (record,) = ledger.of_kind(RecordKind.ACCOUNT)
    assert (record["account"], record["tenant"], record["event"], record["passkey"]) == (
        "engineer", "acme", "passkey_added", "phone",
    )  # fmt: skip
    assert "by" not in record


async def test_an_account_that_is_gone_is_of_no_tenant() -> None:
    ledger = FakeLedger(FakeClock())
    await AccountRecords({}, ledger, FakeEntropy()).write("nobody", "invited", by="admin")
    (record,) = ledger.of_kind(RecordKind.ACCOUNT)
    assert "tenant" not in record
    assert record["by"] == "admin"
