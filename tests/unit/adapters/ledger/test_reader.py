from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from remit.adapters.ledger.reader import (
    anchor_from_json,
    anchor_to_json,
    export,
    follow,
    head,
    read_record,
    tail,
)
from remit.core.errors import Outage
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
    assert len(list(export(scene.directory))) == 8


def test_following_sees_each_record_once_while_it_is_written(scene: Scene) -> None:
    ledger = scene.open()
    written = iter(range(3))

    def wait() -> bool:
        number = next(written, None)
        if number is not None:
            ledger.write(RecordKind.DENIAL, f"dec_new_{number}", FIELDS)
        return number is not None

    after = tail(scene.directory, 1)[0]
    seen = [line.record["id"] for line in follow(scene.directory, wait, after=after)]
    assert seen == ["dec_new_0", "dec_new_1", "dec_new_2"]
    ledger.close()


def test_following_from_the_start_shows_everything(scene: Scene) -> None:
    assert [line.record["seq"] for line in follow(scene.directory, lambda: False)] == list(range(1, 9))


def test_an_export_is_a_range_of_the_lines_as_they_stand(scene: Scene) -> None:
    lines = list(export(scene.directory, first_seq=3, last_seq=6))
    assert [orjson.loads(line)["seq"] for line in lines] == [3, 4, 5, 6]
    everything = b"".join((scene.directory / f"0000000{n}.jsonl").read_bytes() for n in (1, 2))
    assert b"".join(export(scene.directory)) == everything


def test_the_head_of_a_ledger_at_rest_is_an_anchor_that_verifies(scene: Scene) -> None:
    anchor = head(scene.directory, scene.key)
    assert anchor.seq == 8
    assert scene.verify(anchor).verified
    scene.open().close()
    assert scene.verify(anchor).verified


def test_an_anchor_survives_json(scene: Scene) -> None:
    anchor = head(scene.directory, scene.key)
    assert anchor_from_json(orjson.loads(orjson.dumps(anchor_to_json(anchor)))) == anchor


@pytest.mark.parametrize("document", [None, [], {}, {"seq": "8"}, {"segment": 1, "seq": 8, "link": 5}])
def test_something_else_is_no_anchor_and_says_so(document: object) -> None:
    with pytest.raises(ValueError, match="not an anchor"):
        anchor_from_json(document)


def test_there_is_no_head_over_a_ledger_that_cannot_be_read(scene: Scene) -> None:
    scene.rewrite(lambda _: b"", segment=2)
    with pytest.raises(Outage):
        head(scene.directory, scene.key)
