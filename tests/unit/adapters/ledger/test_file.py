from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
import uvloop

from remit.adapters.ledger.file import FileLedger
from remit.adapters.ledger.salts import BLOCK_SALTS_COMMAND
from remit.core.errors import Outage
from remit.core.ledger import RecordKind
from remit.core.reasons import Reason
from tests.scenes.ledger import FIELDS, Disk, Scene, eventually


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path / "ledger")


@contextmanager
def disk_full_at(size: int) -> Iterator[None]:
    """No file may grow past `size`: a write is cut short there, and the next one fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_new_ledger_begins_with_a_signed_record_and_ends_with_a_checkpoint(scene: Scene) -> None:
    ledger = scene.open(asyncio.get_running_loop())
    ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    ledger.close()
    first, intent, last = scene.records()
    assert (first["kind"], first["unknown"], first["in_flight"]) == ("segment", [], [])
    assert intent["at"] == "2027-01-15T08:00:00.000000Z"
    assert (last["kind"], last["why"], last["counts"], last["in_flight"]) == (
        "checkpoint",
        "shutdown",
        {"segment": 1, "intent": 1},
        1,
    )
    assert scene.verify().signed_seq == 3


async def test_outcomes_wait_for_the_end_of_the_turn_and_no_longer(scene: Scene) -> None:
    ledger = scene.open(asyncio.get_running_loop())
    ledger.write(RecordKind.OUTCOME, "dec_1", {"status": "ok"})
    assert scene.kinds() == ["segment"]
    await asyncio.sleep(0)
    assert scene.kinds() == ["segment", "outcome"]
    ledger.close()


async def test_an_orderly_end_loses_no_outcome_and_no_refusal(scene: Scene) -> None:
    ledger = scene.open(asyncio.get_running_loop())
    ledger.write(RecordKind.OUTCOME, "dec_1", {"status": "ok"})
    ledger.refused(Reason.TOKEN_MISSING)
    ledger.close()
    assert scene.kinds() == ["segment", "outcome", "refusals", "checkpoint"]


async def test_a_full_segment_is_followed_by_another_that_names_the_calls_in_flight(scene: Scene) -> None:
    ledger = scene.open(asyncio.get_running_loop(), segment_bytes_max=1000)
    position = ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    ledger.write(RecordKind.INTENT, "dec_2", FIELDS)
    later = ledger.write(RecordKind.OUTCOME, "dec_1", {"status": "ok"})
    assert (position.segment, later.segment) == (1, 2)
    await ledger.durable(later)
    assert ledger.is_durable(position)
    second = next(record for record in scene.records() if record["kind"] == "segment" and record["segment"] == 2)
    assert (second["in_flight"], second["unknown"]) == (["dec_1", "dec_2"], [])
    killed = scene.as_killed(scene.directory.parent / "killed")
    after = killed.open()
    assert list(after.left.unfinished) == ["dec_2"]
    after.close()
    ledger.close()
    assert scene.verify().verified
    assert killed.verify().verified


async def test_a_signature_is_due_after_so_many_records(scene: Scene) -> None:
    ledger = scene.open(asyncio.get_running_loop(), checkpoint_records_max=10)
    for n in range(25):
        ledger.write(RecordKind.DENIAL, f"dec_{n}", FIELDS)
    checkpoints = [record for record in scene.records() if record["kind"] == "checkpoint"]
    assert [(c["why"], c["counts"]["denial"]) for c in checkpoints] == [("records", 10), ("records", 10)]
    ledger.close()


async def test_an_idle_ledger_signs_a_heartbeat_and_counts_refusals_once_per_interval(scene: Scene) -> None:
    disk = Disk()
    ledger = scene.open(asyncio.get_running_loop(), refusals_s=0.001, heartbeat_s=60.0, sync=disk.sync)
    for _ in range(5000):
        ledger.refused(Reason.TOKEN_INVALID)
    await eventually(lambda: "refusals" in scene.kinds())
    assert scene.kinds() == ["segment", "refusals"]
    scene.clock.advance(61)
    await eventually(lambda: "checkpoint" in scene.kinds())
    checkpoint = scene.records()[-1]
    assert (checkpoint["why"], checkpoint["counts"]) == ("heartbeat", {"segment": 1, "refusals": 1})
    ledger.close()


async def test_a_write_cut_short_by_a_full_disk_stops_the_ledger(scene: Scene) -> None:
    ledger = scene.open(asyncio.get_running_loop())
    kept = ledger.write(RecordKind.INTENT, "dec_kept", FIELDS)
    with disk_full_at(kept.end + 100), pytest.raises(Outage) as refused:
        ledger.write(RecordKind.INTENT, "dec_lost", FIELDS)
    assert refused.value.reason is Reason.LEDGER_UNAVAILABLE
    assert "EFBIG" in refused.value.detail
    assert scene.failures == [ledger.failure]
    assert (scene.directory / "00000001.jsonl").stat().st_size == kept.end + 100
    with pytest.raises(Outage):
        ledger.write(RecordKind.INTENT, "dec_next", FIELDS)
    with pytest.raises(Outage):
        await ledger.durable(kept)
    ledger.close()
    assert len(scene.failures) == 1
    report = scene.verify()
    assert report.verified
    assert [(torn.torn_bytes, torn.named) for torn in report.torn] == [(100, False)]


async def test_after_a_full_disk_the_next_start_begins_a_segment_that_names_the_torn_bytes(scene: Scene) -> None:
    ledger = scene.open(asyncio.get_running_loop())
    kept = ledger.write(RecordKind.INTENT, "dec_kept", FIELDS)
    with disk_full_at(kept.end + 100), pytest.raises(Outage):
        ledger.write(RecordKind.INTENT, "dec_lost", FIELDS)
    ledger.close()
    ledger = scene.open(asyncio.get_running_loop())
    position = ledger.write(RecordKind.INTENT, "dec_after", FIELDS)
    await ledger.durable(position)
    assert position.segment == 2
    ledger.close()
    segment = next(record for record in scene.records() if record.get("segment") == 2)
    assert segment["predecessor"]["torn_bytes"] == 100
    assert segment["unknown"] == ["dec_kept"]
    assert [record["id"] for record in scene.records() if record["kind"] == "intent"] == ["dec_kept", "dec_after"]
    report = scene.verify()
    assert report.verified
    assert [(torn.torn_bytes, torn.named) for torn in report.torn] == [(100, True)]


async def test_a_disk_too_full_for_a_new_segment_is_an_outage_and_the_old_one_verifies(scene: Scene) -> None:
    ledger = scene.open(asyncio.get_running_loop(), segment_bytes_max=1000)
    while ledger.write(RecordKind.DENIAL, "dec", FIELDS).end < 1000:
        pass
    with disk_full_at(5000), pytest.raises(Outage):  # the salts of the next segment need more
        ledger.write(RecordKind.DENIAL, "dec_lost", FIELDS)
    ledger.close()
    assert scene.verify().verified
    ledger = scene.open()
    ledger.write(RecordKind.DENIAL, "dec_after", FIELDS)
    ledger.close()
    assert scene.verify().verified
    assert "dec_after" in [record["id"] for record in scene.records()]


async def test_a_failed_sync_tells_once_and_is_not_tried_again(scene: Scene) -> None:
    disk = Disk(broken=True)
    ledger = scene.open(asyncio.get_running_loop(), sync=disk.sync)
    position = ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    with pytest.raises(Outage):
        await ledger.durable(position)
    disk.broken = False
    with pytest.raises(Outage):
        await ledger.durable(position)
    assert len(scene.failures) == 1
    assert disk.synced == 0, "a failed sync must not be tried again"
    with pytest.raises(Outage):
        ledger.close()
    scene.open().close()
    assert scene.verify().verified


def write_many(ledger: FileLedger, count: int) -> None:
    for n in range(count):
        ledger.write(RecordKind.INTENT, f"dec_{n}", FIELDS)


def replaced(path: Path) -> None:
    """As `sed -i` and most editors do."""
    copy = path.with_name("copy")
    copy.write_bytes(path.read_bytes())
    copy.rename(path)


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(lambda path: path.rename(path.with_name("away")), id="moved"),
        pytest.param(lambda path: path.unlink(), id="removed"),
        pytest.param(replaced, id="replaced"),
        pytest.param(lambda path: os.truncate(path, 10), id="cut"),
        pytest.param(lambda path: path.write_bytes(path.read_bytes() + b"{}\n"), id="appended to"),
    ],
)
async def test_a_file_that_is_not_where_it_was_stops_the_ledger(scene: Scene, tamper: Callable[[Path], object]) -> None:
    ledger = scene.open(asyncio.get_running_loop())
    await ledger.durable(ledger.write(RecordKind.INTENT, "dec_1", FIELDS))
    tamper(scene.directory / "00000001.jsonl")
    with pytest.raises(Outage) as refused:
        await ledger.durable(ledger.write(RecordKind.INTENT, "dec_2", FIELDS))
    assert refused.value.reason is Reason.LEDGER_UNAVAILABLE
    assert scene.failures == [ledger.failure]
    with pytest.raises(Outage):
        ledger.write(RecordKind.INTENT, "dec_3", FIELDS)
    ledger.close()


async def test_a_file_is_looked_at_for_the_last_time_before_the_next_begins(scene: Scene) -> None:
    ledger = scene.open(asyncio.get_running_loop(), segment_bytes_max=4000)
    await ledger.durable(ledger.write(RecordKind.INTENT, "dec_1", FIELDS))
    replaced(scene.directory / "00000001.jsonl")
    with pytest.raises(Outage):  # all in one turn: no sync comes between
        write_many(ledger, 100)
    assert ledger.segment == 1
    assert len(scene.failures) == 1
    ledger.close()


async def test_an_idle_ledger_notices_that_its_file_is_gone(scene: Scene) -> None:
    ledger = scene.open(asyncio.get_running_loop(), refusals_s=0.001)
    (scene.directory / "00000001.jsonl").unlink()
    await eventually(lambda: bool(scene.failures))
    assert "ENOENT" in ledger.failure
    ledger.close()


async def test_an_intent_starts_a_sync_at_the_end_of_its_turn(scene: Scene) -> None:
    disk = Disk()
    ledger = scene.open(asyncio.get_running_loop(), sync=disk.sync)
    position = ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    await eventually(lambda: ledger.is_durable(position))
    assert disk.synced == 1
    ledger.close()


async def test_without_a_sync_each_turn_one_starts_when_somebody_waits(scene: Scene) -> None:
    disk = Disk()
    ledger = scene.open(asyncio.get_running_loop(), sync=disk.sync, sync_each_turn=False)
    position = ledger.write(RecordKind.INTENT, "dec_1", FIELDS)
    for _ in range(10):
        await asyncio.sleep(0)
    assert disk.synced == 0
    await ledger.durable(position)
    assert disk.synced == 1
    ledger.close()


async def test_two_writers_exclude_each_other_and_the_second_is_told_what_to_do(scene: Scene) -> None:
    ledger = scene.open()
    with pytest.raises(Outage) as refused:
        scene.open()
    assert "stop it first" in refused.value.detail
    ledger.close()
    scene.open().close()
    assert scene.verify().verified


async def test_a_second_thread_is_refused_before_it_can_disturb_the_chain(scene: Scene) -> None:
    ledger = scene.open(asyncio.get_running_loop())
    ledger.write(RecordKind.DENIAL, "dec_1", FIELDS)
    with ThreadPoolExecutor(1) as other, pytest.raises(RuntimeError):
        other.submit(ledger.write, RecordKind.DENIAL, "dec_2", FIELDS).result()
    ledger.write(RecordKind.DENIAL, "dec_3", FIELDS)
    ledger.close()
    assert scene.verify().verified


async def test_a_record_larger_than_its_limit_is_refused_alone(scene: Scene) -> None:
    ledger = scene.open(asyncio.get_running_loop(), record_bytes_max=1000)
    with pytest.raises(Outage) as refused:
        ledger.write(RecordKind.DENIAL, "dec_1", {"detail": "x" * 1000})
    assert "at most 1000 fit" in refused.value.detail
    ledger.write(RecordKind.DENIAL, "dec_2", {"detail": "x" * 100})
    ledger.close()
    assert scene.failures == []
    assert scene.verify().verified


@pytest.mark.parametrize("name", ["link", "signature"])
async def test_fields_cannot_forge_a_link_or_a_signature(scene: Scene, name: str) -> None:
    ledger = scene.open()
    with pytest.raises(Outage):
        ledger.write(RecordKind.DENIAL, "dec_1", {name: "0" * 64})
    ledger.close()


async def test_a_command_without_a_loop_writes_at_once_and_syncs_in_place(scene: Scene) -> None:
    disk = Disk()
    ledger = scene.open(sync=disk.sync)
    position = ledger.write(RecordKind.OUTCOME, "dec_1", {"status": "ok"})
    assert scene.kinds() == ["segment", "outcome"]
    assert not ledger.is_durable(position)
    await ledger.durable(position)
    assert ledger.is_durable(position)
    assert disk.synced == 1
    ledger.close()


async def test_new_salts_are_synced_with_the_records_that_use_them(scene: Scene) -> None:
    disk = Disk()
    ledger = scene.open(sync=disk.sync)
    for _ in range(BLOCK_SALTS_COMMAND):
        ledger.write(RecordKind.DENIAL, "dec", FIELDS, arguments=b"{}")
    ledger.sync()
    assert disk.synced == 1, "the first block was synced when the file was made"
    ledger.write(RecordKind.DENIAL, "dec", FIELDS, arguments=b"{}")
    ledger.sync()
    assert disk.synced == 3
    ledger.sync()
    assert disk.synced == 4
    ledger.close()


async def test_nothing_is_written_after_the_end(scene: Scene) -> None:
    ledger = scene.open()
    ledger.close()
    with pytest.raises(Outage) as refused:
        ledger.write(RecordKind.DENIAL, "dec_1", FIELDS)
    assert "closed" in refused.value.detail


async def test_the_head_is_an_anchor_that_a_rollback_contradicts(scene: Scene) -> None:
    ledger = scene.open()
    ledger.write(RecordKind.DENIAL, "dec_1", FIELDS)
    before = (scene.directory / "00000001.jsonl").read_bytes()
    ledger.write(RecordKind.DENIAL, "dec_2", FIELDS)
    anchor = ledger.head()
    ledger.close()
    assert scene.verify(anchor).verified
    scene.rewrite(lambda _: before)
    assert scene.verify().verified
    report = scene.verify(anchor)
    assert report.broken is not None
    assert "cut off or rolled back" in str(report.broken)


async def test_an_anchor_is_handed_out_only_once_it_is_durable(scene: Scene) -> None:
    disk = Disk()
    ledger = scene.open(asyncio.get_running_loop(), sync=disk.sync)
    disk.gate.clear()
    waiting = asyncio.ensure_future(ledger.durable_head())
    await asyncio.sleep(0)
    assert not waiting.done()
    disk.gate.set()
    anchor = await waiting
    assert (anchor.segment, anchor.seq) == (ledger.segment, ledger.seq)
    assert disk.synced == 1
    ledger.close()
    assert scene.verify(anchor).verified


def test_it_works_under_uvloop(scene: Scene) -> None:
    async def calls() -> None:
        ledger = scene.open(asyncio.get_running_loop())
        positions = [ledger.write(RecordKind.INTENT, f"dec_{n}", FIELDS) for n in range(50)]
        await asyncio.gather(*map(ledger.durable, positions))
        assert all(map(ledger.is_durable, positions))
        ledger.close()

    uvloop.run(calls())
    assert scene.verify().verified


async def test_files_are_for_their_owner_alone(scene: Scene) -> None:
    scene.open().close()
    modes = {path.name: path.stat().st_mode & 0o777 for path in scene.directory.iterdir()}
    assert modes == {"00000001.jsonl": 0o600, "salts-00000001.bin": 0o600}
    assert scene.directory.stat().st_mode & 0o777 == 0o700


async def test_every_line_is_one_json_object_with_its_link_last(scene: Scene) -> None:
    ledger = scene.open()
    ledger.write(RecordKind.INTENT, "dec_1", FIELDS, arguments=b"{}")
    ledger.close()
    for line in (scene.directory / "00000001.jsonl").read_bytes().splitlines():
        assert list(orjson.loads(line))[:4] == ["seq", "at", "kind", "id"]
        assert list(orjson.loads(line))[-1] == "link"
