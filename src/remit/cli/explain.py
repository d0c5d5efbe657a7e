"""`remit explain`: why, in ten seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from cyclopts import Parameter

from remit.cli.call import near_miss, quoted
from remit.cli.names import DECISIONS
from remit.cli.options import DEFAULT, Options
from remit.cli.output import emit, paint
from remit.cli.terminal import one_line
from remit.cli.times import moment

WIDTH = 240
VERDICT = {"permit": ("32", "PERMITTED"), "deny": ("31", "DENIED")}


def explain(decision: Annotated[str, Parameter(help="its id, dec_…")], /, *, options: Options = DEFAULT) -> None:
    """Tell why a decision was taken, and what to do next."""
    with options.administration_or_alone() as administration:
        story = administration.act("explain", {"decision_id": decision}, advice=DECISIONS)
    emit("explain", story, as_json=options.json, text=explained(story))


def explained(story: Mapping[str, Any]) -> str:
    """One screen: the verdict, who asked for what, what decided, what came nearest, what to do."""
    colour, word = VERDICT.get(str(story.get("decision", "")), ("36", str(story["kind"]).upper()))
    head = f"{paint(colour, word)}  {story['decision_id']}  {moment(story['at'])}"
    because = story.get("because") or story.get("outcome") or ""
    if because:
        reason = story.get("reason", "")
        head += f"  {one_line(because, WIDTH)}" + (f" [{reason}]" if reason else "")
    return "\n".join([head, *(f"  {name:8} {one_line(text, WIDTH)}" for name, text in _lines(story) if text)])


def _lines(story: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    asked: Mapping[str, Any] = story.get("asked", {})
    yield "who", _who(asked)
    yield "asked", _what(asked)
    yield "purpose", _purpose(asked)
    yield "decided", _decided(story)
    if story.get("errors"):
        yield "errors", "; ".join(map(str, story["errors"]))
    yield "detail", "" if story.get("determining") else str(story.get("detail", ""))
    if story.get("near_miss"):
        yield "nearest", near_miss(story["near_miss"])
    for kind in ("candidate", "shadow"):
        if story.get(kind):
            yield kind, f"{story[kind]['effect']} by {quoted(story[kind]['determining']) or 'no policy'}"
    yield "next", str(story.get("next", ""))


def _who(asked: Mapping[str, Any]) -> str:
    if not asked.get("subject"):
        return str(asked.get("administrator", ""))
    roles = f", roles {' '.join(asked['roles'])}" if asked.get("roles") else ""
    actors = f", acting: {' for '.join(asked['actors'])}" if asked.get("actors") else ""
    client = f", through {asked['client']}" if asked.get("client") else ""
    return f"{asked['subject']} of {asked.get('tenant', '')}{roles}{client}{actors} ({asked.get('presence', '')})"


def _what(asked: Mapping[str, Any]) -> str:
    what = (
        asked.get("action")
        or asked.get("act")
        or "/".join(str(asked[part]) for part in ("server", "target") if asked.get(part))
    )
    method = asked.get("method", "")
    environment = f" in {asked['environment']}" if asked.get("environment") else ""
    what = " ".join(str(part) for part in (what, asked.get("event")) if part)
    return f"{what or method}{environment}" + (f" ({method})" if method and what and what != method else "")


def _purpose(asked: Mapping[str, Any]) -> str:
    if not asked.get("grant"):
        return str(asked.get("purpose", ""))
    klass = f" [{asked['purpose_class']}]" if asked.get("purpose_class") else ""
    return f"“{asked.get('purpose', '')}”{klass}, grant {asked['grant']}"


def _decided(story: Mapping[str, Any]) -> str:
    if story.get("determining"):
        verb = "permitted by" if story.get("decision") == "permit" else "forbidden by"
        return f"{verb} {quoted(list(story['determining']))}"
    if story.get("decision") == "deny" and story.get("policy_version"):
        return f"no policy permits it (policy set {str(story['policy_version'])[:12]})"
    return "before any policy was asked" if story.get("decision") == "deny" else ""
