"""One question to the engine: entities, context and policies in, a plain verdict out. Any failure is a verdict with
errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson
from cedarpy import Entities, PolicySet, _internal

from remit.adapters.policy.slices import Slice
from remit.core.access import Effect, PolicyRef, Shadow, Target, UnknownArguments, Verdict
from remit.core.catalog import Era, Item, Server
from remit.core.grant import Grant
from remit.core.policy_context import Closure, grant_context
from remit.core.policy_types import RecordOf, encode

Arguments = Mapping[str, Any] | UnknownArguments


@dataclass(frozen=True, slots=True)
class Question:
    """What is decided, as plain values. `action` is `server/tool` for a tool and the MCP method otherwise."""

    grant: Grant
    server: Server
    target: Target
    item: Item | None
    action: str
    era: Era


@dataclass(frozen=True, slots=True)
class Prepared:
    """A question with everything parsed that stays the same from call to call of one grant."""

    about: Closure
    slice: Slice
    entities: _internal.Entities
    request: Mapping[str, Any]
    head: str  # the constant part of the context as JSON, without its closing brace
    type: RecordOf | None  # of the arguments; None where the action has none
    reads_time: bool
    argument_names: frozenset[str] | None  # the arguments that are read; None: all of them
    version: str


def prepare(question: Question, about: Closure, policies: Slice, type_: RecordOf | None, version: str) -> Prepared:
    """Parse what is constant. Attributes of the context that the slice provably does not read are left out of it."""
    names = policies.reads.names()
    context = {**grant_context(question.grant), "era": question.era.value}
    if "authentication" in context:
        context["authentication"]["at"] = _moment(question.grant.authentication.at_s)
    if names is not None:
        context = {name: value for name, value in context.items() if name in names}
    head = orjson.dumps(context).decode()[:-1]
    uids = {"principal": about.principal, "action": about.action, "resource": about.resource}
    return Prepared(
        replace(about, entities=()),  # the engine has them now
        policies,
        Entities.from_json_str(orjson.dumps(about.entities).decode())._inner,
        {name: {"type": uid[0], "id": uid[1]} for name, uid in uids.items()},
        head,
        type_ if names is None or "args" in names else None,
        reads_time=names is None or "time" in names,
        argument_names=policies.arguments.names(),
        version=version,
    )


class InexactArguments(Exception):
    """A policy reads an argument whose value has no exact counterpart in Cedar."""


def context_json(prepared: Prepared, arguments: str, now_s: float) -> str:
    """The whole context. `arguments` is JSON of our own making, empty where there are none."""
    parts = [prepared.head[1:]] if len(prepared.head) > 1 else []
    if prepared.reads_time:
        parts.append(f'"time":{orjson.dumps(_moment(now_s)).decode()}')
    if arguments:
        parts.append('"args":' + arguments)
    return "{" + ",".join(parts) + "}"


def _moment(at_s: float) -> dict[str, Any]:
    """Whole seconds, UTC."""
    text = datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"__extn": {"fn": "datetime", "arg": text}}


def arguments_json(prepared: Prepared, arguments: Arguments) -> str:
    """The arguments that are read, through the typed encoder. Raises `InexactArguments`."""
    if prepared.type is None:
        return ""
    if isinstance(arguments, UnknownArguments):
        raise InexactArguments("the arguments are not known")
    names = prepared.argument_names
    if names is not None:
        arguments = {name: arguments[name] for name in names if name in arguments}
    encoded = encode(arguments, prepared.type)
    for path in encoded.inexact:
        if prepared.slice.arguments.turns_on(path):
            name = ".".join(path)[:80]
            raise InexactArguments(
                f"a policy reads context.args.{name}: the tool's schema does not declare what was given, "
                "or Cedar cannot hold its value exactly"
            )
    return orjson.dumps(encoded.value).decode()


def decide(prepared: Prepared, arguments: Arguments, now_s: float) -> Verdict:
    """The engine's verdict. It permits only by naming the policies that do."""
    try:
        context = context_json(prepared, arguments_json(prepared, arguments), now_s)
        policies = prepared.slice
        effect, determining, errors = ask(prepared, policies.enforced, context)
        shadow = None
        if policies.with_shadow is not None:
            shadow_effect, shadow_determining, _ = ask(prepared, policies.with_shadow, context)
            shadow = Shadow(shadow_effect, shadow_determining)
    except InexactArguments as problem:
        return Verdict(Effect.ERROR, (), prepared.version, (str(problem),))
    except Exception as problem:  # noqa: BLE001  a foreign engine: whatever it raises is an answer we do not have, so a deny
        return Verdict(Effect.ERROR, (), prepared.version, (f"the policy engine failed: {type(problem).__name__}",))
    return Verdict(effect, determining, prepared.version, errors, shadow)


def ask(prepared: Prepared, policies: PolicySet, context: str) -> tuple[Effect, tuple[PolicyRef, ...], tuple[str, ...]]:
    """Effect, determining policies and errors. A policy that errs is skipped by Cedar, so an error outweighs any
    decision.
    """
    request = {**prepared.request, "context": context}
    answer = orjson.loads(_internal.is_authorized_batch([request], policies, prepared.entities)[0])
    found = answer["diagnostics"]
    refs = prepared.slice.refs
    determining = in_order(found.get("reason", ()), refs)
    errors = tuple(_readable(error, refs) for error in found.get("errors", ()))
    if errors:
        return Effect.ERROR, determining, errors
    decision = answer["decision"]
    if decision == "Allow" and determining:
        return Effect.PERMIT, determining, ()
    if decision == "Deny":
        return Effect.FORBID if determining else Effect.NO_PERMIT, determining, ()
    return Effect.ERROR, determining, ("the engine gave no decision",)


def in_order(ids: Iterable[str], refs: Mapping[str, PolicyRef]) -> tuple[PolicyRef, ...]:
    """The policies the engine names, in the order of the files."""
    return tuple(sorted((refs[id_] for id_ in ids), key=lambda ref: (ref.file, ref.line, ref.id)))


def _readable(error: str, refs: Mapping[str, PolicyRef]) -> str:
    """The engine's message with the policy's name; ids are places, so they can be cut out again."""
    start, tick, rest = error.partition("`")
    id_, tick_after, message = rest.partition("`")
    if tick and tick_after and id_ in refs and start == "error while evaluating policy ":
        return f"{refs[id_]}{message}"
    return "the engine could not read the request"
