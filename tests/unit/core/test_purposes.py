"""What a purpose does to a grant."""

from __future__ import annotations

import pytest

from remit.core.errors import Invalid
from remit.core.purposes import FREE_TEXT, PurposeClass, Tools, classify
from remit.core.scope import OneTool, WholeServer

LOG = frozenset({OneTool("git", "git_log")})
TRIAGE = PurposeClass("triage", Tools(LOG))


def test_a_purpose_is_of_the_class_it_names_and_no_other() -> None:
    assert classify("triage", "", {"triage": TRIAGE})[1] is TRIAGE
    for text in ("Triage", "triage now", "triag"):
        purpose, klass = classify(text, "", {"triage": TRIAGE})
        assert (purpose.klass, klass) == ("", FREE_TEXT)


def test_a_named_class_narrows_and_the_words_of_the_person_stay() -> None:
    purpose, klass = classify("look into the outage", "triage", {"triage": TRIAGE})
    assert (purpose.text, purpose.klass, klass) == ("look into the outage", "triage", TRIAGE)


def test_a_class_that_is_not_in_the_catalogue_is_refused() -> None:
    with pytest.raises(Invalid, match="it has triage"):
        classify("look into the outage", "triaje", {"triage": TRIAGE})


def test_a_class_keeps_its_tools_and_free_text_keeps_all() -> None:
    everything = frozenset({WholeServer("git"), WholeServer("files")})
    assert TRIAGE.keep(everything) == LOG
    assert FREE_TEXT.keep(everything) == everything


def test_a_class_whose_tools_are_empty_keeps_nothing() -> None:
    assert PurposeClass("none", Tools(frozenset())).keep(LOG) == frozenset()


@pytest.mark.parametrize("text", ["", " ", "\t", "a\nb", "a\u202eb", "x" * 513])
def test_a_purpose_nobody_could_read_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        classify(text, "", {})
