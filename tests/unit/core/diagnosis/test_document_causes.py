"""Documents that are none, redirect or fail: of both kinds of metadata alike."""

from __future__ import annotations

from typing import Any

import pytest

from remit.core.diagnosis.causes import Verdict
from remit.core.diagnosis.evidence import Evidence
from remit.core.diagnosis.heard import Heard, Silence
from tests.scenes.diagnosis import judged, resource, said, server, verdict, with_

PLACE = "https://x.example/.well-known/y"
PAGE = said("other", PLACE, 200, b"<html>", content_type="text/html")
MOVED = said("other", PLACE, 302, location="https://x.example/login?state=secret")
FAILED = said("other", PLACE, 502)
SLOW = Heard("other", PLACE, silence=Silence.TIME, said="8 s")
INSIDE = Heard("other", PLACE, silence=Silence.INSIDE)
KINDS = [("metadata", "resource", resource()[0]), ("server_metadata", "servers", server()[0])]


def found(member: str, *heard: Heard) -> Evidence:
    changed: dict[str, Any] = {member: heard}
    return with_(**changed)


@pytest.mark.parametrize(("name", "member", "good"), KINDS)
@pytest.mark.parametrize(("suffix", "bad"), [("unreadable", PAGE), ("redirects", MOVED), ("broken", FAILED)])
def test_what_is_wrong_at_the_only_place_is_likely(
    name: str, member: str, good: Heard, suffix: str, bad: Heard
) -> None:
    assert verdict(f"{name}_{suffix}", found(member, bad)) is Verdict.LIKELY
    assert verdict(f"{name}_{suffix}", found(member, good)) is Verdict.RULED_OUT


@pytest.mark.parametrize(("name", "member", "good"), KINDS)
def test_a_place_that_redirects_beside_one_that_answers_is_possible(name: str, member: str, good: Heard) -> None:
    cause = judged(f"{name}_redirects", found(member, MOVED, good))
    assert cause.verdict is Verdict.POSSIBLE
    assert cause.differences[0].found == "https://x.example/login?…"


@pytest.mark.parametrize(("name", "member", "good"), KINDS)
def test_a_page_in_front_of_the_document_is_likely_and_behind_it_possible(name: str, member: str, good: Heard) -> None:
    assert verdict(f"{name}_unreadable", found(member, PAGE, good)) is Verdict.LIKELY
    assert verdict(f"{name}_unreadable", found(member, good, PAGE)) is Verdict.POSSIBLE


@pytest.mark.parametrize(("name", "member", "good"), KINDS)
@pytest.mark.parametrize("bad", [FAILED, SLOW])
def test_a_place_that_fails_counts_only_before_the_one_that_answers(
    name: str, member: str, good: Heard, bad: Heard
) -> None:
    assert verdict(f"{name}_broken", found(member, bad, good)) is Verdict.POSSIBLE
    assert verdict(f"{name}_broken", found(member, good, bad)) is Verdict.RULED_OUT


@pytest.mark.parametrize(("name", "member", "good"), KINDS)
def test_a_place_that_was_not_asked_did_not_fail(name: str, member: str, good: Heard) -> None:
    assert verdict(f"{name}_broken", found(member, INSIDE, good)) is Verdict.RULED_OUT


def test_json_under_another_type_is_possible_with_both_types() -> None:
    good = resource()[0]
    typed = Heard(good.place, good.url, 200, {"content-type": "text/plain; charset=utf-8"}, body=good.body)
    cause = judged("metadata_unreadable", with_(resource=(typed,)))
    assert (cause.verdict, cause.differences[0].found) == (Verdict.POSSIBLE, "text/plain")
    charset = Heard(good.place, good.url, 200, {"content-type": "application/json; charset=utf-8"}, body=good.body)
    assert verdict("metadata_unreadable", with_(resource=(charset,))) is Verdict.RULED_OUT
