"""How a diagnosis reads: eighty columns for prose, strings whole, nothing that a terminal would obey."""

from __future__ import annotations

import json
from dataclasses import replace

from remit.cli.login_report import causes_told, document_of, parting, steps_told
from remit.core.diagnosis.causes import Cause, Difference, Verdict
from remit.core.diagnosis.evidence import Evidence
from remit.core.diagnosis.table import diagnose
from tests.scenes.diagnosis import URL, authorized, healthy, refused, resource, server, with_


def told(evidence: Evidence) -> str:
    return "\n".join([*steps_told(evidence), *causes_told(diagnose(evidence))])


def test_a_healthy_walk_says_so() -> None:
    text = told(healthy())
    assert "nothing found that would keep a client from logging in" in text
    assert "likely" not in text


def test_both_strings_stand_whole_one_under_the_other_and_a_mark_where_they_part() -> None:
    found = f"{URL}/{'x' * 100}"
    lines = told(with_(resource=resource(resource=found))).splitlines()
    at = next(number for number, line in enumerate(lines) if line.strip() == f"expected  {URL}")
    assert lines[at + 1].strip() == f"found     {found}"
    assert lines[at + 2].index("^") == lines[at + 1].index(found) + len(URL)
    assert "character 24: expected the end, found '/'" in lines[at + 2]


def test_prose_keeps_to_eighty_columns() -> None:
    lines = causes_told(diagnose(with_(resource=resource(authorization_servers=[]), skew_s=900.0, calls=())))
    assert max(len(line) for line in lines if "https://" not in line) <= 80


def test_a_letter_that_looks_like_another_is_told_by_its_number() -> None:
    assert "found U+0430" in parting(Difference("issuer", "https://a", "https://\u0430"))


def test_what_a_terminal_would_obey_is_written_out() -> None:
    evil = f"{URL}\x1b[2J\u202e"
    text = told(with_(resource=resource(resource=evil), asked=(refused("discover", 'Bearer error="\x1b[2J"'),)))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\x1b[2J" in text


def test_of_challenges_only_what_is_known_to_be_public_is_shown() -> None:
    text = told(with_(asked=(refused("discover", 'Digest nonce="n0nce", Bearer scope="look", ticket="t1cket"'),)))
    assert 'digest Bearer scope="look", ticket=…' in text
    assert "n0nce" not in text
    assert "t1cket" not in text


def test_where_a_login_leads_is_shown_without_its_query() -> None:
    text = told(with_(authorize=(authorized(to="https://login.example/l?flow=s3cret"),)))
    assert "302 to https://login.example/l?…" in text
    assert "s3cret" not in text


def test_who_a_token_is_about_is_not_shown() -> None:
    from tests.scenes.diagnosis import token

    assert "alice" not in told(with_(token=token(sub="alice", email="alice@example")))


def test_steps_that_were_not_reached_say_so() -> None:
    assert told(Evidence(URL)).count("not reached") == 4


def test_the_document_has_what_the_text_has() -> None:
    evidence = with_(servers=server(issuer="https://other.example"))
    document = json.loads(json.dumps(document_of(evidence, diagnose(evidence))))
    assert [step["step"] for step in document["steps"]][:2] == ["call without a token", "protected resource metadata"]
    first = document["causes"][0]
    assert (first["id"], first["verdict"], first["differences"][0]["at"]) == ("issuer_mismatch", "likely", 8)


def test_a_string_that_should_not_be_at_all_has_no_character_that_differs() -> None:
    cause = Cause(Verdict.LIKELY, "x", "y", (Difference("a", "", "b"),), id="scope_unknown")
    assert document_of(replace(healthy()), [cause])["causes"][0]["differences"][0]["at"] is None
    assert any(line.strip() == "found     b" for line in causes_told([cause]))
