"""The whole table at once: what is healthy is accused of nothing, and what was not looked at is ruled out by nobody."""

from __future__ import annotations

import re

from remit.core.diagnosis.causes import Verdict
from remit.core.diagnosis.evidence import Evidence
from remit.core.diagnosis.heard import Heard, Silence
from remit.core.diagnosis.table import HYPOTHESES, diagnose
from tests.scenes.diagnosis import URL, healthy, resource, server, with_


def test_a_healthy_server_is_accused_of_nothing() -> None:
    verdicts = {cause.id: cause.verdict for cause in diagnose(healthy())}
    assert verdicts.pop("client_refused") is Verdict.UNTESTED  # what comes after signing in is not walked
    assert verdicts == {
        hypothesis.id: Verdict.RULED_OUT for hypothesis in HYPOTHESES if hypothesis.id != "client_refused"
    }


def test_nothing_is_ruled_out_by_a_walk_that_found_nobody() -> None:
    evidence = Evidence(URL, (Heard("discover", URL, silence=Silence.CONNECTION, said="refused"),))
    verdicts = {cause.id: cause.verdict for cause in diagnose(evidence)}
    assert verdicts.pop("unreachable") is Verdict.LIKELY
    assert set(verdicts.values()) == {Verdict.UNTESTED}


def test_no_evidence_at_all_is_judged_without_a_fault() -> None:
    assert {cause.verdict for cause in diagnose(Evidence(""))} == {Verdict.UNTESTED}


def test_what_is_likely_comes_first_and_of_two_the_earlier_step() -> None:
    evidence = with_(servers=server(issuer="https://other.example"), resource=resource(resource="https://no.example"))
    causes = diagnose(evidence)
    assert [cause.id for cause in causes[:2]] == ["resource_mismatch", "issuer_mismatch"]
    ranks = [list(Verdict).index(cause.verdict) for cause in causes]
    assert ranks == sorted(ranks)


def test_every_hypothesis_has_a_stable_name_of_its_own_and_a_question() -> None:
    names = [hypothesis.id for hypothesis in HYPOTHESES]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9_]{3,32}", name) for name in names)
    assert all(hypothesis.question for hypothesis in HYPOTHESES)


def test_what_is_accused_comes_with_a_next_step() -> None:
    sick = with_(resource=resource(authorization_servers=[]), calls=(), skew_s=900.0)
    accused = [cause for cause in diagnose(sick) if cause.verdict in (Verdict.LIKELY, Verdict.POSSIBLE)]
    assert len(accused) >= 2
    assert all(cause.next and cause.said for cause in accused)
