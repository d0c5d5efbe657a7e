"""No change to a ledger before its anchor goes unseen, and the first break is named where it is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from remit.adapters.ledger.verify import signatures_by
from remit.core.chain import Anchor, ChainCheck, ChainReport, seal, unseal
from remit.core.ledger import GENESIS, RecordKind
from remit.testing.ledger import FakeLedgerKey
from tests.scenes.ledger import FIELDS, Scene

Segments = tuple[bytes, ...]
BOUNDED = settings(max_examples=150, deadline=None)


@dataclass(frozen=True)
class Written:
    """Segments ended by rotation, by a kill that tore the last line, and in order; and an anchor over all of it."""

    segments: Segments
    anchor: Anchor

    def check(self, segments: Segments) -> ChainReport:
        check = ChainCheck(signatures_by([FakeLedgerKey().public_key]), self.anchor)
        for number, content in enumerate(segments, 1):
            check.segment(number, content.splitlines(keepends=True))
        return check.report()

    def at(self, draw: Callable[[st.SearchStrategy[int]], int]) -> tuple[int, int]:
        """Any byte, as (index of its segment, offset); each byte is as likely as any other."""
        offset = draw(st.integers(0, sum(map(len, self.segments)) - 1))
        for index, content in enumerate(self.segments):
            if offset < len(content):
                return index, offset
            offset -= len(content)
        raise AssertionError(offset)

    def with_segment(self, index: int, content: bytes) -> Segments:
        return (*self.segments[:index], content, *self.segments[index + 1 :])

    def lines(self, index: int) -> list[bytes]:
        return self.segments[index].splitlines(keepends=True)


def line_at(content: bytes, offset: int) -> int:
    return content[:offset].count(b"\n") + 1


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("ledger")
    scene = Scene(folder / "first")
    ledger = scene.open(segment_bytes_max=4000, checkpoint_records_max=4)
    for n in range(12):
        ledger.write(RecordKind.INTENT, f"dec_{n}", FIELDS, arguments=b'{"n":1}')
        ledger.write(RecordKind.OUTCOME, f"dec_{n}", {"status": "ok"})
    killed = scene.as_killed(folder / "second")
    ledger.close()
    last = sorted(killed.directory.glob("0*.jsonl"))[-1]
    with last.open("ab") as file:
        file.write(b'{"seq":99,"at":"2027-01-15T08')
    for n in range(2):
        ledger = killed.open()
        ledger.write(RecordKind.DENIAL, f"dec_denied_{n}", FIELDS)
        if n == 0:
            ledger.close()
    anchor = ledger.head()
    segments = tuple(path.read_bytes() for path in sorted(killed.directory.glob("0*.jsonl")))
    ledger.close()
    return Written(segments, anchor)


def test_an_untouched_ledger_verifies_and_its_torn_tail_is_named(written: Written) -> None:
    report = written.check(written.segments)
    assert report.verified
    assert len(written.segments) >= 4
    assert [(torn.torn_bytes, torn.named) for torn in report.torn] == [(29, True)]
    assert report.seq == report.signed_seq == written.anchor.seq


@BOUNDED
@given(data=st.data())
def test_a_flipped_bit_is_seen_in_the_line_it_is_in(written: Written, data: st.DataObject) -> None:
    index, offset = written.at(data.draw)
    content = written.segments[index]
    flipped = bytes((content[offset] ^ (1 << data.draw(st.integers(0, 7))),))
    report = written.check(written.with_segment(index, content[:offset] + flipped + content[offset + 1 :]))
    assert report.broken is not None
    assert (report.broken.segment, report.broken.line) == (index + 1, line_at(content, offset))


@BOUNDED
@given(data=st.data())
def test_a_removed_line_is_seen_where_it_stood(written: Written, data: st.DataObject) -> None:
    index, offset = written.at(data.draw)
    lines, line = written.lines(index), line_at(written.segments[index], offset)
    del lines[line - 1]
    report = written.check(written.with_segment(index, b"".join(lines)))
    assert report.broken is not None
    assert (report.broken.segment, report.broken.line) == (index + 1, line)


@BOUNDED
@given(data=st.data())
def test_two_swapped_lines_are_seen_at_the_first(written: Written, data: st.DataObject) -> None:
    index, _ = written.at(data.draw)
    lines = [line for line in written.lines(index) if line.endswith(b"\n")]
    torn = written.segments[index][len(b"".join(lines)) :]
    first, second = sorted(data.draw(st.sets(st.integers(0, len(lines) - 1), min_size=2, max_size=2)))
    lines[first], lines[second] = lines[second], lines[first]
    report = written.check(written.with_segment(index, b"".join(lines) + torn))
    assert report.broken is not None
    assert (report.broken.segment, report.broken.line) == (index + 1, first + 1)


@BOUNDED
@given(data=st.data())
def test_an_inserted_line_is_seen_where_it_was_put(written: Written, data: st.DataObject) -> None:
    index, offset = written.at(data.draw)
    source, _ = written.at(data.draw)
    lines, line = written.lines(index), line_at(written.segments[index], offset)
    copied = data.draw(st.sampled_from([raw for raw in written.lines(source) if raw.endswith(b"\n")]))
    again = lines[line - 1] == copied  # then the copy is the genuine one and the original is too much
    lines.insert(line - 1, copied)
    report = written.check(written.with_segment(index, b"".join(lines)))
    assert report.broken is not None
    assert (report.broken.segment, report.broken.line) == (index + 1, line + again)


@BOUNDED
@given(data=st.data())
def test_a_cut_before_the_anchor_is_seen_at_the_cut(written: Written, data: st.DataObject) -> None:
    index, offset = written.at(data.draw)
    cut = written.segments[index][:offset]
    following = written.segments[index + 1 :] if data.draw(st.booleans()) else ()
    report = written.check((*written.segments[:index], cut, *following))
    assert report.broken is not None
    assert (report.broken.segment, report.broken.line) == (index + 1, line_at(written.segments[index], offset))


@pytest.mark.parametrize("kept", range(4))
def test_whole_segments_cut_from_the_end_are_seen_with_an_anchor_and_only_then(written: Written, kept: int) -> None:
    report = written.check(written.segments[:kept])
    assert report.broken is not None
    assert "ends before the anchor" in report.broken.what
    blind = ChainCheck(signatures_by([FakeLedgerKey().public_key]))
    for number, content in enumerate(written.segments[:kept], 1):
        blind.segment(number, content.splitlines(keepends=True))
    report = blind.report()
    assert report.verified
    assert any("cannot be seen" in sentence for sentence in report.blind_spots())


@BOUNDED
@given(data=st.data())
def test_a_changed_record_with_all_links_made_anew_is_seen_at_the_next_signature(
    written: Written, data: st.DataObject
) -> None:
    """The links hold no secret: whoever can write the files can make them. The signatures are what they cannot make."""
    index = data.draw(st.integers(0, len(written.segments) - 1))
    lines = [line for line in written.lines(index) if line.endswith(b"\n")]
    plain = [n for n, line in enumerate(lines) if b'"signature":' not in line]
    changed = data.draw(st.sampled_from(plain))
    signed = next(n for n in range(changed, len(lines) + 1) if n == len(lines) or b'"signature":' in lines[n])
    previous = orjson.loads(lines[changed - 1])["link"]
    for n in range(changed, len(lines)):
        body, _ = unseal(lines[n][:-1])
        body = body.replace(b'"id":"dec_', b'"id":"not_') if n == changed else body
        lines[n], previous = seal(previous, body)
    torn = written.segments[index][len(b"".join(lines)) :]
    report = written.check(written.with_segment(index, b"".join(lines) + torn))
    assert report.broken is not None
    expected = (index + 1, signed + 1) if signed < len(lines) else (index + 2, 1)
    assert (report.broken.segment, report.broken.line) == expected


def test_a_ledger_made_whole_by_another_key_is_seen_at_its_first_record(tmp_path: Path) -> None:
    forger = Scene(tmp_path / "ledger", key=FakeLedgerKey(os.urandom(8)))
    forger.open().close()
    report = Scene(forger.directory).verify()
    assert report.broken is not None
    assert (report.broken.segment, report.broken.line) == (1, 1)
    assert "signature" in report.broken.what
    assert forger.verify().verified


def test_an_anchor_of_another_key_proves_nothing(written: Written) -> None:
    forged = FakeLedgerKey(b"forger").sign(written.anchor.message()).hex()
    anchor = written.anchor
    report = Written(
        written.segments, Anchor(anchor.segment, anchor.seq, anchor.link, anchor.at, anchor.key, forged)
    ).check(written.segments)
    assert report.broken is not None
    assert "anchor" in report.broken.what


def test_the_first_link_follows_from_nothing(written: Written) -> None:
    first = orjson.loads(written.lines(0)[0])
    assert first["previous"] == GENESIS
    assert first["predecessor"] == {"segment": 0, "seq": 0, "bytes": 0, "torn_bytes": 0, "torn_sha256": ""}
