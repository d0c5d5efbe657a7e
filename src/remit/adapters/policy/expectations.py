"""Policy tests: `policies/<tenant>/*.test.yaml`, each a question with the answer its author expects.

The format is described in docs/reference/policies.md. Tests ask the same code that decides calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import yaml

from remit.adapters.policy.deciding import Arguments, Question, decide
from remit.adapters.policy.engine import Unprepared, prepared_for
from remit.adapters.policy.listing import decide_unknown
from remit.adapters.policy.loading import entries
from remit.adapters.policy.sets import Loaded, read_all
from remit.core.access import Effect, Target, TargetKind, UnknownArguments, Verdict
from remit.core.arguments import checked_arguments
from remit.core.authentication import NOBODY, PASSKEY, PASSWORD, Authentication
from remit.core.catalog import Catalog, Era, Item, ItemKind, Server, Tool
from remit.core.errors import Refusal
from remit.core.grant import Grant, Origin, Purpose, Unmetered
from remit.core.policy_context import METHODS, SESSION_METHODS
from remit.core.principals import Attestation, Presence, Principal, PrincipalKind

KEYS: Final = frozenset({
    "name", "expect", "by", "subject", "kind", "issuer", "roles", "client", "attestation", "actors", "purpose", "class",
    "interactive", "environment", "era", "time", "origin", "high_risk", "tool", "signed_in",
    "args", "method", "server", "target",
})  # fmt: skip
EXPECTED: Final = frozenset({"permit", "deny", "forbid", "no_permit", "error"})
SIGNED_IN: Final = {"password": PASSWORD, "passkey": PASSKEY}
UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test's result. `problem` is empty when it passed."""

    file: str
    line: int
    name: str
    problem: str

    @property
    def passed(self) -> bool:
        return not self.problem


class _Misstated(Exception):
    """A test that does not say what it should."""


def run_tests(policies_dir: Path, catalog: Catalog, tenant: str = "") -> list[Outcome]:
    """Run every tenant's tests, or one tenant's. A faulty policy set fails all of its tests. Blocking."""
    sets, unknown = read_all(policies_dir, catalog)
    found: list[Outcome] = []
    faults = list(unknown)
    for name, loaded in sets.items():
        if tenant in ("", name):
            for path in entries(policies_dir / name, f"{name}/", faults):
                if path.name.endswith(".test.yaml"):
                    found += _run_file(path, path.relative_to(policies_dir).as_posix(), loaded, catalog)
    return [*(Outcome(fault.file, fault.line, "", fault.message) for fault in faults), *found]


def _run_file(path: Path, file: str, loaded: Loaded, catalog: Catalog) -> Iterator[Outcome]:
    try:
        text = path.read_text("utf-8")
        document = yaml.safe_load(text)
        lines = _lines(yaml.compose(text, yaml.SafeLoader))
        given, tests = _checked_document(document)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, _Misstated) as problem:
        yield Outcome(file, 1, "", f"not a policy test file: {' '.join(str(problem).split())}")
        return
    for at, test in enumerate(tests):
        line = lines[at] if at < len(lines) else 1
        if not isinstance(test, Mapping):
            yield Outcome(file, line, "", f"expected a test with name and expect, found {type(test).__name__}")
            continue
        name = str(test.get("name", ""))
        yield Outcome(file, line, name, _why_not({**given, **test}, loaded, catalog))


def _why_not(test: Mapping[str, Any], loaded: Loaded, catalog: Catalog) -> str:
    try:
        return _problem(test, loaded, catalog)
    except _Misstated as misstated:
        return str(misstated)


def _lines(document: yaml.Node | None) -> list[int]:
    """The line each test starts on."""
    if isinstance(document, yaml.MappingNode):
        for key, value in document.value:
            if key.value == "tests" and isinstance(value, yaml.SequenceNode):
                return [node.start_mark.line + 1 for node in value.value]
    return []


def _checked_document(document: object) -> tuple[Mapping[str, Any], list[Any]]:
    if not isinstance(document, Mapping) or not isinstance(document.get("tests"), list) or not document["tests"]:
        raise _Misstated("expected `tests`, a list with at least one test")
    given = document.get("given", {})
    if not isinstance(given, Mapping) or set(document) - {"given", "tests"}:
        raise _Misstated("expected only `given` and `tests`")
    return given, document["tests"]


def _problem(test: Mapping[str, Any], loaded: Loaded, catalog: Catalog) -> str:
    """Why the test fails; empty when it passes."""
    strange = sorted(map(str, set(test) - KEYS))
    if strange:
        raise _Misstated(f"unknown key {strange[0]!r}; known are {', '.join(sorted(KEYS))}")
    if test.get("expect") not in EXPECTED:
        raise _Misstated(f"expect is {test.get('expect')!r}; expected one of {', '.join(sorted(EXPECTED))}")
    if loaded.faults:
        return f"the policies are at fault: {loaded.faults[0]}"
    verdict = _verdict(test, loaded, catalog)
    named = sorted(policy.id for policy in verdict.determining)
    why = f" ({'; '.join(verdict.errors)})" if verdict.errors else f" by {', '.join(named)}" if named else ""
    wanted = test["expect"]
    as_wanted = verdict.effect is not Effect.PERMIT if wanted == "deny" else verdict.effect.value == wanted
    if not as_wanted:
        return f"expected {wanted}, found {verdict.effect.value}{why}"
    by = test.get("by")
    if by is not None and sorted(by if isinstance(by, list) else [by]) != named:
        return f"expected {wanted} by {by}, found it{why or ' by no policy'}"
    return ""


def _verdict(test: Mapping[str, Any], loaded: Loaded, catalog: Catalog) -> Verdict:
    server, target, item, action = _about(test, loaded.parsed.tenant, catalog)
    grant = _grant(test, loaded.parsed.tenant, server)
    question = Question(grant, server, target, item, action, Era(test.get("era", "modern")))
    arguments = _arguments(test, item, grant)
    try:
        prepared = prepared_for(question, loaded)
    except Unprepared as problem:
        return problem.verdict
    now_s = _time_s(test.get("time", "2026-01-01T12:00:00Z"))
    if isinstance(arguments, UnknownArguments):
        return decide_unknown(prepared, arguments, now_s, item)
    return decide(prepared, arguments, now_s)


def _about(test: Mapping[str, Any], tenant: str, catalog: Catalog) -> tuple[Server, Target, Item | None, str]:
    """Server, target, catalog item and action."""
    if "tool" in test:
        name, _, tool = str(test["tool"]).partition("/")
        server = _server(catalog, name, tenant)
        item = server.items.get((ItemKind.TOOL, tool))
        if item is None:
            raise _Misstated(f"server {name} has no tool {tool!r}")
        return server, Target(TargetKind.TOOL, tool), item, f"{name}/{tool}"
    method = str(test.get("method", ""))
    if method not in METHODS and method not in SESSION_METHODS:
        raise _Misstated(f"expected `tool: SERVER/TOOL`, or `method:` with one of {', '.join(METHODS)}")
    server = _server(catalog, str(test.get("server", "")), tenant)
    kinds = METHODS.get(method, (TargetKind.SERVER,))
    name = str(test.get("target", ""))
    kind = next((kind for kind in kinds if (kind is TargetKind.SERVER) == (not name)), kinds[0])
    return server, Target(kind, name), None, method


def _server(catalog: Catalog, name: str, tenant: str) -> Server:
    server = catalog.servers.get(name)
    if server is None or tenant not in server.tenants:
        raise _Misstated(f"tenant {tenant} has no server {name!r}")
    return server


def _grant(test: Mapping[str, Any], tenant: str, server: Server) -> Grant:
    """A grant with the test's words; what is left unsaid is the least that exists."""
    try:
        subject = Principal(
            PrincipalKind(test.get("kind", "Human")), str(test.get("subject", "somebody")), str(test.get("issuer", ""))
        )
        return Grant(
            id="grt_test", tenant=tenant, environment=str(test.get("environment", server.environment)), subject=subject,
            roles=frozenset(map(str, test.get("roles", []))), client_id=str(test.get("client", "client")),
            attestation=Attestation(test.get("attestation", "none")), actors=tuple(map(str, test.get("actors", []))),
            presence=Presence.INTERACTIVE if test.get("interactive", False) else Presence.AUTONOMOUS,
            purpose=Purpose(str(test.get("purpose", "")), str(test.get("class", ""))), resource="", scopes=frozenset(),
            constraints=frozenset(), budget=Unmetered(), idle_s_max=0.0, created_at_s=0.0, expires_at_s=0.0,
            origin=Origin(str(test.get("origin", "administration")), ""), high_risk=bool(test.get("high_risk", False)),
            authentication=_authentication(test.get("signed_in", {})),
        )  # fmt: skip
    except (ValueError, TypeError) as problem:
        raise _Misstated(str(problem)) from problem


def _authentication(given: Any) -> Authentication:
    """`{by: passkey, at: TIME}`; nobody signed in if it is left out."""
    if not given:
        return NOBODY
    if not isinstance(given, dict) or set(given) != {"by", "at"} or given["by"] not in SIGNED_IN:
        raise _Misstated(f"signed_in: expected by ({' or '.join(SIGNED_IN)}) and at")
    return Authentication(SIGNED_IN[given["by"]], _time_s(given["at"]))


def _arguments(test: Mapping[str, Any], item: Item | None, grant: Grant) -> Arguments:
    """The arguments as a call would have them: checked against the inputSchema, paths normal."""
    given = test.get("args", {})
    if given == UNKNOWN:
        return UnknownArguments()
    if not isinstance(given, dict):
        raise _Misstated(f"args are {type(given).__name__}; expected a mapping, or {UNKNOWN}")
    if not isinstance(item, Tool):
        return given
    try:
        return checked_arguments(item, given, grant)
    except Refusal as refusal:
        raise _Misstated(f"a call with these args is refused before policy: {refusal}") from refusal


def _time_s(given: object) -> float:
    try:
        moment = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError as problem:
        raise _Misstated(f"time: {problem}") from problem
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
