"""A consent, and the question it was an answer to. Each test names only what it is about."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from remit.core.consent import Consent, Question, given
from remit.core.grant import Calls
from remit.core.principals import Principal, PrincipalKind
from remit.core.scope import OneTool, ToolName, WholeServer, constraint

READ = ToolName("files", "read_file")
QUESTION = Question(
    tenant="acme",
    subject=Principal(PrincipalKind.HUMAN, "engineer"),
    client_id="editor",
    redirect="http://127.0.0.1:50123/cb",
    resource="http://remit.test/mcp",
    scopes=frozenset({WholeServer("files"), OneTool("git", "git_log")}),
    constraints=frozenset({constraint(READ, "path", "prefix", ["/srv"])}),
    budget=Calls(10),
    purpose="tidy up",
    purpose_class="tidying",
    environment="dev",
    ttl_s=900.0,
)


def a_question(**changes: Any) -> Question:
    return replace(QUESTION, **changes)


def a_consent(**changes: Any) -> Consent:
    return replace(given(QUESTION, id="csn_1", now_s=1000.0, expires_at_s=9000.0), **changes)


def asking_for_all_of(consent: Consent) -> Question:
    return Question(**{each.name: getattr(consent, each.name) for each in fields(Question)})
