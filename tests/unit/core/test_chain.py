from __future__ import annotations

import hashlib

import pytest

from remit.core.chain import DOMAIN, Anchor, ChainCheck, ChainReport, key_id, seal, sign, signed_part, unseal
from remit.core.ledger import GENESIS, link

BODY = b'{"seq":1,"kind":"intent"}'


def report(**parts: object) -> ChainReport:
    whole = {"records": 9, "segments": 1, "seq": 9, "link": GENESIS, "signed_seq": 9, "torn": (), "anchor": None}
    return ChainReport(**{**whole, "broken": None, **parts})  # type: ignore[arg-type]


def test_a_line_is_the_object_with_its_link_as_last_member() -> None:
    line, after = seal(GENESIS, BODY)
    assert after == link(GENESIS, BODY) == hashlib.sha256(GENESIS.encode() + BODY).hexdigest()
    assert line == b'{"seq":1,"kind":"intent","link":"' + after.encode() + b'"}\n'
    assert unseal(line[:-1]) == (BODY, after)


@pytest.mark.parametrize(
    "line", [b"", b"{}", b'{"link":"' + b"0" * 64 + b'"}', seal(GENESIS, BODY)[0], seal(GENESIS, BODY)[0][:-2]]
)
def test_what_does_not_end_with_a_link_is_no_line(line: bytes) -> None:
    with pytest.raises(ValueError, match="no link"):
        unseal(line)


def test_a_signature_is_over_the_object_without_it() -> None:
    signed = sign(BODY, lambda message: hashlib.sha512(message).digest())
    assert signed_part(signed) == (DOMAIN + BODY, hashlib.sha512(DOMAIN + BODY).digest())
    with pytest.raises(ValueError, match="no signature"):
        signed_part(BODY)


def test_an_anchor_speaks_about_every_part_of_itself() -> None:
    whole = Anchor(1, 2, "link", "at", "key")
    others = [Anchor(9, 2, "link", "at", "key"), Anchor(1, 9, "link", "at", "key"), Anchor(1, 2, "x", "at", "key")]
    others += [Anchor(1, 2, "link", "x", "key"), Anchor(1, 2, "link", "at", "x")]
    assert len({anchor.message() for anchor in [whole, *others]}) == 6
    assert Anchor(1, 2, "link", "at", "key", "signature").message() == whole.message()


def test_a_key_is_named_by_its_digest() -> None:
    assert key_id(b"k" * 32) == hashlib.sha256(b"k" * 32).hexdigest()[:16]


def test_a_report_says_what_it_could_not_see() -> None:
    anchor = Anchor(1, 9, GENESIS, "at", "key")
    assert report(anchor=anchor).blind_spots() == []
    assert "no anchor" in report().blind_spots()[0]
    assert "after the anchor (seq 9)" in report(anchor=anchor, seq=12, signed_seq=12).blind_spots()[0]
    assert "after the last signature (seq 4)" in report(anchor=anchor, signed_seq=4).blind_spots()[0]


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b"\xff\n", b"no newline", seal(GENESIS, b"[1234567890]")[0]])
def test_no_line_whatever_it_holds_makes_the_check_fail_otherwise_than_by_a_break(line: bytes) -> None:
    check = ChainCheck(lambda *_: True)
    check.segment(1, [line])
    broken = check.report().broken
    assert broken is not None
    assert (broken.segment, broken.line, broken.seq) == (1, 1, 1)
