"""What every ledger promises, held against the fake and the file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from remit.core.chain import seal, unseal
from remit.core.errors import Outage
from remit.core.ledger import GENESIS, Position, RecordKind
from remit.core.reasons import Reason
from remit.ports.ledger import Ledger
from remit.testing.ledger import FakeLedger
from tests.scenes.ledger import FIELDS, Disk, Scene


@dataclass
class Subject:
    """A ledger and the handles the contract needs: its lines, the refusal interval's end, and how its disk fails."""

    ledger: Ledger
    lines: Callable[[], list[bytes]]
    flush_refusals: Callable[[], None]
    hold_sync: Callable[[], None]
    release_sync: Callable[[], None]
    break_sync: Callable[[], None]

    def of_kind(self, kind: RecordKind) -> list[dict[str, Any]]:
        return [record for line in self.lines() if (record := orjson.loads(line))["kind"] == kind]


def fake() -> Iterator[Subject]:
    ledger = FakeLedger()
    yield Subject(
        ledger,
        lambda: ledger.lines,
        ledger.flush_refusals,
        ledger.hold_sync,
        ledger.release_sync,
        ledger.fail_sync,
    )


def file(directory: Path) -> Iterator[Subject]:
    scene, disk = Scene(directory), Disk()
    ledger = scene.open(asyncio.get_running_loop(), sync=disk.sync)

    def broken() -> None:
        disk.broken = True
        disk.gate.set()

    segment = directory / "00000001.jsonl"
    yield Subject(
        ledger,
        lambda: segment.read_bytes().splitlines(keepends=True),
        ledger.flush_refusals,
        disk.gate.clear,
        disk.gate.set,
        broken,
    )
    disk.gate.set()
    if not ledger.failure:
        ledger.close()


@pytest.fixture(params=["fake", "file"])
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    subjects = fake() if request.param == "fake" else file(tmp_path / "ledger")
    yield next(subjects)
    assert next(subjects, None) is None


async def test_a_record_is_readable_as_soon_as_write_returns(subject: Subject) -> None:
    subject.ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    [record] = subject.of_kind(RecordKind.INTENT)
    assert record["id"] == "dec_1"
    assert {name: record[name] for name in FIELDS} == FIELDS


async def test_positions_grow_with_every_record_of_any_kind(subject: Subject) -> None:
    kinds = [RecordKind.INTENT, RecordKind.OUTCOME, RecordKind.DENIAL, RecordKind.OUTCOME, RecordKind.ADMIN]
    positions = [subject.ledger.write(kind, f"dec_{n}", {}) for n, kind in enumerate(kinds)]
    ends = [(position.segment, position.end) for position in positions]
    assert ends == sorted(set(ends))


async def test_each_line_carries_the_link_over_all_before_it(subject: Subject) -> None:
    for n in range(3):
        subject.ledger.write(RecordKind.INTENT, f"dec_{n}", FIELDS)
    previous = GENESIS
    for line in subject.lines():
        expected, previous = seal(previous, unseal(line[:-1])[0])
        assert line == expected


async def test_an_outcome_stands_after_its_intent_and_before_what_is_written_later(subject: Subject) -> None:
    subject.ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    subject.ledger.write(RecordKind.OUTCOME, "dec_1", {"status": "ok"})
    subject.ledger.write(RecordKind.DENIAL, "dec_2", FIELDS)
    records = [orjson.loads(line) for line in subject.lines()]
    assert [(r["kind"], r["id"]) for r in records if r["id"].startswith("dec")] == [
        ("intent", "dec_1"),
        ("outcome", "dec_1"),
        ("denial", "dec_2"),
    ]


async def test_arguments_are_kept_as_a_digest_that_differs_each_time(subject: Subject) -> None:
    for n in range(2):
        subject.ledger.write(RecordKind.INTENT, f"dec_{n}", FIELDS, arguments=b'{"path":"/srv/secret-project"}')
    first, second = subject.of_kind(RecordKind.INTENT)
    assert len(first["args_digest"]) == 64
    assert first["args_digest"] != second["args_digest"]
    assert b"secret-project" not in b"".join(subject.lines())


async def test_no_arguments_leave_no_digest(subject: Subject) -> None:
    subject.ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    assert "args_digest" not in subject.of_kind(RecordKind.INTENT)[0]


@pytest.mark.parametrize("field", ["seq", "at", "kind", "id"])
async def test_a_record_cannot_pose_as_another_by_its_fields(subject: Subject, field: str) -> None:
    with pytest.raises(Outage):
        subject.ledger.write(RecordKind.INTENT, "dec_1", {field: "forged"})
    subject.ledger.write(RecordKind.INTENT, "dec_2", FIELDS)
    assert [record["id"] for record in subject.of_kind(RecordKind.INTENT)] == ["dec_2"]


async def test_a_record_that_is_not_json_is_refused_and_the_next_one_is_written(subject: Subject) -> None:
    with pytest.raises(Outage) as refused:
        subject.ledger.write(RecordKind.INTENT, "dec_1", {"grant": object()})
    assert refused.value.reason is Reason.LEDGER_UNAVAILABLE
    subject.ledger.write(RecordKind.INTENT, "dec_2", FIELDS)
    assert [record["id"] for record in subject.of_kind(RecordKind.INTENT)] == ["dec_2"]


async def test_a_flood_of_refusals_becomes_one_record_with_counts(subject: Subject) -> None:
    before = len(subject.lines())
    for _ in range(10_000):
        subject.ledger.refused(Reason.TOKEN_INVALID)
    subject.ledger.refused(Reason.TOKEN_MISSING)
    assert len(subject.lines()) == before
    subject.flush_refusals()
    subject.flush_refusals()
    [record] = subject.of_kind(RecordKind.REFUSALS)
    assert record["counts"] == {"token_invalid": 10_000, "token_missing": 1}


async def test_durable_returns_once_the_disk_has_it(subject: Subject) -> None:
    position = subject.ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    await subject.ledger.durable(position)
    assert subject.ledger.is_durable(position)


async def test_nothing_is_durable_while_the_disk_has_not_answered(subject: Subject) -> None:
    subject.hold_sync()
    position = subject.ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    waiting = asyncio.ensure_future(subject.ledger.durable(position))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert not subject.ledger.is_durable(position)
    subject.release_sync()
    await waiting
    assert subject.ledger.is_durable(position)


async def test_one_waiter_that_is_cancelled_does_not_cancel_the_others(subject: Subject) -> None:
    subject.hold_sync()
    position = subject.ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    leaves, stays = (asyncio.ensure_future(subject.ledger.durable(position)) for _ in range(2))
    await asyncio.sleep(0)
    leaves.cancel()
    await asyncio.sleep(0)
    subject.release_sync()
    await stays
    assert leaves.cancelled()


async def test_a_failed_sync_withholds_every_reply_that_waits_and_stops_the_ledger(subject: Subject) -> None:
    subject.hold_sync()
    position = subject.ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    waiting = [asyncio.ensure_future(subject.ledger.durable(position)) for _ in range(3)]
    await asyncio.sleep(0)
    subject.break_sync()
    for answer in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(answer, Outage)
        assert answer.reason is Reason.LEDGER_UNAVAILABLE
    assert not subject.ledger.is_durable(position)
    with pytest.raises(Outage):
        subject.ledger.write(RecordKind.INTENT, "dec_2", FIELDS)
    with pytest.raises(Outage):
        await subject.ledger.durable(position)


async def test_what_was_durable_before_a_failed_sync_still_is(subject: Subject) -> None:
    kept = subject.ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    await subject.ledger.durable(kept)
    subject.hold_sync()
    lost = subject.ledger.write(RecordKind.INTENT, "dec_2", FIELDS)
    waiting = asyncio.ensure_future(subject.ledger.durable(lost))
    await asyncio.sleep(0)
    subject.break_sync()
    with pytest.raises(Outage):
        await waiting
    assert subject.ledger.is_durable(kept)
    await subject.ledger.durable(kept)


async def test_a_position_nobody_has_written_is_not_durable(subject: Subject) -> None:
    position = subject.ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    await subject.ledger.durable(position)
    assert not subject.ledger.is_durable(Position(position.segment, position.end + 1))
