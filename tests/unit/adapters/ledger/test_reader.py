from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from remit.adapters.ledger.reader import (
    anchor_from_json,
    anchor_to_json,
    lines_after,
    read_record,
    tail,
)
from remit.core.chain import Anchor
from remit.core.ledger import RecordKind
from tests.scenes.ledger import FIELDS, Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Two process starts, eight records: each a segment record, two denials and a checkpoint."""
    scene = Scene(tmp_path / "ledger")
    for start in range(2):
        ledger = scene.open()
        for n in range(2):
            ledger.write(RecordKind.DENIAL, f"dec_{start}_{n}", FIELDS)
        ledger.close()
    return scene


@pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 100])
def test_the_tail_is_the_last_records_across_segments_oldest_first(scene: Scene, count: int) -> None:
    assert [line.record["seq"] for line in tail(scene.directory, count)] == list(range(1, 9))[-count:]


def test_each_line_says_where_it_stands(scene: Scene) -> None:
    for line in tail(scene.directory, 8):
        assert read_record(scene.directory, line.segment, line.start, line.end)["seq"] == line.record["seq"]


def test_a_torn_line_is_not_shown(scene: Scene) -> None:
    scene.rewrite(lambda content: content + b'{"seq":9,', segment=2)
    assert [line.record["seq"] for line in tail(scene.directory, 1)] == [8]
    assert len(list(lines_after(scene.directory, 0, 0))) == 8


def test_what_comes_after_a_line_is_seen_once_while_it_is_written(scene: Scene) -> None:
    ledger, last = scene.open(), tail(scene.directory, 1)[0]
    seen = []
    for number in range(3):
        ledger.write(RecordKind.DENIAL, f"dec_new_{number}", FIELDS)
        new = list(lines_after(scene.directory, last.segment, last.end))
        seen += [line.record["id"] for line in new]
        last = new[-1]
    assert seen == ["dec_new_0", "dec_new_1", "dec_new_2"]
    ledger.close()


def test_after_nothing_comes_everything_as_it_stands(scene: Scene) -> None:
    everything = b"".join((scene.directory / f"0000000{n}.jsonl").read_bytes() for n in (1, 2))
    assert b"".join(line.raw + b"\n" for line in lines_after(scene.directory, 0, 0)) == everything


def test_an_anchor_survives_json(scene: Scene) -> None:
    anchor = Anchor(2, 8, "ab", "2026-11-20T00:00:00Z", "key", "signature")
    assert anchor_from_json(orjson.loads(orjson.dumps(anchor_to_json(anchor)))) == anchor


@pytest.mark.parametrize("document", [None, [], {}, {"seq": "8"}, {"segment": 1, "seq": 8, "link": 5}])
def test_something_else_is_no_anchor_and_says_so(document: object) -> None:
    with pytest.raises(ValueError, match="not an anchor"):
        anchor_from_json(document)
