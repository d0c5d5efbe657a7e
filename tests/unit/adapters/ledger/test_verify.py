from __future__ import annotations

import os
import shutil
from pathlib import Path

import orjson
import pytest

from remit.adapters.ledger.verify import signatures_by, verify
from remit.core.chain import key_id, seal
from remit.core.ledger import RecordKind
from remit.testing.ledger import FakeLedgerKey
from tests.scenes.ledger import FIELDS, Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Three process starts with two denials each."""
    scene = Scene(tmp_path / "ledger")
    for start in range(3):
        ledger = scene.open()
        for n in range(2):
            ledger.write(RecordKind.DENIAL, f"dec_{start}_{n}", FIELDS)
        ledger.close()
    return scene


def test_an_untouched_ledger_verifies_and_what_cannot_be_seen_is_said(scene: Scene) -> None:
    report = scene.verify()
    assert report.verified
    assert (report.records, report.segments, report.seq, report.signed_seq) == (12, 3, 12, 12)
    assert report.blind_spots() == [
        "no anchor was given: records removed from the end of the ledger cannot be seen",
    ]


def test_verification_changes_nothing_and_needs_no_more_than_the_files(scene: Scene, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(scene.directory, tmp_path / "elsewhere"))
    for path in copy.glob("salts-*"):
        path.unlink()
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    assert verify(copy, [scene.key.public_key]).verified
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before


def test_a_running_writer_does_not_disturb_verification(scene: Scene) -> None:
    ledger = scene.open()
    ledger.write(RecordKind.DENIAL, "dec_now", FIELDS)
    report = scene.verify()
    assert report.verified
    assert (report.seq, report.signed_seq) == (14, 13)
    assert any("rewritten" in sentence for sentence in report.blind_spots())
    ledger.close()


def test_a_break_names_segment_line_seq_and_both_links(scene: Scene) -> None:
    scene.rewrite(lambda content: content.replace(b"dec_1_0", b"dec_9_0"), segment=2)
    broken = scene.verify().broken
    assert broken is not None
    assert (broken.segment, broken.line, broken.seq) == (2, 2, 6)
    assert broken.expected != broken.found
    assert str(broken).startswith("segment 00000002, line 2, seq 6: the record or one before it was changed; expected")


def test_a_missing_segment_is_named(scene: Scene) -> None:
    (scene.directory / "00000002.jsonl").unlink()
    broken = scene.verify().broken
    assert broken is not None
    assert (broken.segment, broken.what) == (2, "a segment is missing")


def test_records_cut_from_a_segment_that_is_not_the_last_need_no_anchor_to_be_seen(scene: Scene) -> None:
    scene.rewrite(lambda content: b"".join(content.splitlines(keepends=True)[:-2]), segment=2)
    broken = scene.verify().broken
    assert broken is not None
    assert (broken.segment, broken.line, broken.what) == (2, 3, "the segment's end was cut off or added to")


def test_records_added_to_a_closed_segment_are_named_although_they_are_linked(scene: Scene) -> None:
    def added(content: bytes) -> bytes:
        last = orjson.loads(content.splitlines()[-1])
        forged = {"seq": last["seq"] + 1, "at": last["at"], "kind": "intent", "id": "dec_forged"}
        return content + seal(last["link"], orjson.dumps(forged))[0]

    scene.rewrite(added, segment=2)
    broken = scene.verify().broken
    assert broken is not None
    assert (broken.segment, broken.line, broken.seq) == (2, 5, 9)


def test_a_segment_record_inside_a_segment_is_named_although_it_is_linked(scene: Scene) -> None:
    def again(content: bytes) -> bytes:
        last = orjson.loads(content.splitlines()[-1])
        forged = orjson.loads(content.splitlines()[0]) | {"seq": last["seq"] + 1}
        del forged["link"]
        return content + seal(last["link"], orjson.dumps(forged))[0]

    scene.rewrite(again, segment=3)
    broken = scene.verify().broken
    assert broken is not None
    assert (broken.segment, broken.line, broken.what) == (3, 5, "a segment record stands inside a segment")


def test_a_record_that_skips_a_number_is_named_although_it_is_linked(scene: Scene) -> None:
    def skipping(content: bytes) -> bytes:
        last = orjson.loads(content.splitlines()[-1])
        forged = {"seq": last["seq"] + 2, "at": last["at"], "kind": "intent", "id": "dec_forged"}
        return content + seal(last["link"], orjson.dumps(forged))[0]

    scene.rewrite(skipping, segment=3)
    broken = scene.verify().broken
    assert broken is not None
    assert (broken.segment, broken.line, broken.expected, broken.found) == (3, 5, "seq 13", "seq 14")


@pytest.mark.parametrize("named", [None, "none", [], {}, {"seq": "8"}])
def test_a_first_record_that_names_no_predecessor_is_a_break_although_it_is_linked(scene: Scene, named: object) -> None:
    def renamed(content: bytes) -> bytes:
        first, rest = content.split(b"\n", 1)
        record = orjson.loads(first) | {"predecessor": named}
        del record["link"]
        return seal(record["previous"], orjson.dumps(record))[0] + rest

    scene.rewrite(renamed, segment=2)
    broken = scene.verify().broken
    assert broken is not None
    assert broken.segment in (1, 2)


def test_a_ledger_written_anew_with_the_genuine_key_is_contradicted_by_the_anchor(scene: Scene, tmp_path: Path) -> None:
    ledger = scene.open()
    anchor = ledger.head()
    ledger.close()
    other = Scene(tmp_path / "other")
    ledger = other.open()
    for n in range(20):
        ledger.write(RecordKind.DENIAL, f"dec_{n}", FIELDS)
    ledger.close()
    assert other.verify().verified
    broken = other.verify(anchor).broken
    assert broken is not None
    assert (broken.seq, broken.what) == (anchor.seq, "the ledger was rewritten before the anchor")


def test_a_key_that_was_not_given_is_named(scene: Scene) -> None:
    report = verify(scene.directory, [FakeLedgerKey(b"other").public_key])
    assert report.broken is not None
    assert key_id(scene.key.public_key) in report.broken.found


def test_a_ledger_signed_with_two_keys_in_turn_needs_both(scene: Scene) -> None:
    rotated = Scene(scene.directory, key=FakeLedgerKey(b"next"))
    rotated.open().close()
    both = [scene.key.public_key, rotated.key.public_key]
    assert verify(scene.directory, both).verified
    assert not verify(scene.directory, both[:1]).verified


def test_an_empty_directory_verifies_but_not_against_an_anchor(scene: Scene, tmp_path: Path) -> None:
    ledger = scene.open()
    anchor = ledger.head()
    ledger.close()
    nothing = tmp_path / "nothing"
    assert verify(nothing, [scene.key.public_key]).records == 0
    assert not verify(nothing, [scene.key.public_key], anchor).verified


def test_a_signature_of_the_wrong_length_or_key_does_not_hold() -> None:
    key = FakeLedgerKey()
    holds = signatures_by([key.public_key])
    name = key_id(key.public_key)
    assert holds(name, b"message", key.sign(b"message"))
    assert not holds(name, b"message", b"")
    assert not holds(name, b"message", os.urandom(64))
    assert not holds("0" * 16, b"message", key.sign(b"message"))
