from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from remit.adapters.ledger.segment import append, create, read_left, segment_numbers, segment_path
from remit.core.errors import Outage
from remit.core.ledger import GENESIS, RecordKind
from tests.scenes.ledger import FIELDS, Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """One closed segment: intents dec_0 to dec_2, an outcome for dec_1."""
    scene = Scene(tmp_path / "ledger")
    ledger = scene.open()
    for n in range(3):
        ledger.write(RecordKind.INTENT, f"dec_{n}", FIELDS)
    ledger.write(RecordKind.OUTCOME, "dec_1", {"status": "ok"})
    ledger.close()
    return scene


def test_nothing_was_left_where_nothing_was(tmp_path: Path) -> None:
    left = read_left(tmp_path)
    assert (left.segment, left.seq, left.link, left.unfinished) == (0, 0, GENESIS, {})


def test_an_orderly_end_leaves_its_last_link_and_the_intents_without_outcome(scene: Scene) -> None:
    left, last = read_left(scene.directory), scene.records()[-1]
    assert (left.segment, left.seq, left.link) == (1, last["seq"], last["link"])
    assert (left.torn_bytes, left.torn_sha256, left.damaged) == (0, "", False)
    assert left.valid_bytes == segment_path(scene.directory, 1).stat().st_size
    assert list(left.unfinished) == ["dec_0", "dec_2"]


def test_a_torn_line_is_measured_and_left_untouched(scene: Scene) -> None:
    torn = b'{"seq":7,"at":"20'
    scene.rewrite(lambda content: content + torn)
    left = read_left(scene.directory)
    assert (left.torn_bytes, left.torn_sha256) == (len(torn), hashlib.sha256(torn).hexdigest())
    assert not left.damaged
    assert segment_path(scene.directory, 1).read_bytes().endswith(torn)


def test_a_whole_record_without_its_newline_is_torn_too(scene: Scene) -> None:
    scene.rewrite(lambda content: content[:-1])
    left = read_left(scene.directory)
    assert left.seq == len(scene.records())
    assert left.torn_bytes > 0
    assert not left.damaged


def test_a_changed_record_in_the_middle_is_damage_and_no_torn_tail(scene: Scene) -> None:
    scene.rewrite(lambda content: content.replace(b"dec_2", b"dec_9"))
    left = read_left(scene.directory)
    assert left.damaged
    assert left.seq == 3
    scene.open().close()
    report = scene.verify()
    assert report.broken is not None
    assert (report.broken.segment, report.broken.line, report.broken.seq) == (1, 4, 4)


@pytest.mark.parametrize("content", [b"", b'{"seq":1', b'{"seq":1,"kind":"intent"}\n', b"[]\n", b"\x00" * 200 + b"\n"])
def test_a_segment_that_does_not_begin_as_one_is_an_outage_that_says_what_to_do(scene: Scene, content: bytes) -> None:
    scene.rewrite(lambda _: content)
    with pytest.raises(Outage, match="remit audit verify"):
        scene.open()


def test_a_segment_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    directory = os.open(tmp_path, os.O_RDONLY)
    (tmp_path / "00000001.jsonl.new").write_bytes(b"left by a writer that was killed in between")
    assert segment_numbers(tmp_path) == []
    descriptor = create(segment_path(tmp_path, 1), b"first\n", directory)
    append(descriptor, b"second\n")
    assert segment_path(tmp_path, 1).read_bytes() == b"first\nsecond\n"
    assert [path.name for path in tmp_path.iterdir()] == ["00000001.jsonl"]
    os.close(descriptor)
    os.close(directory)


def test_other_files_beside_the_segments_are_not_segments(scene: Scene) -> None:
    for name in ("00000002.jsonl.new", "2.jsonl", "00000003.jsonl~", "x00000004.jsonl"):
        (scene.directory / name).write_bytes(b"")
    assert segment_numbers(scene.directory) == [1]
