"""`remit call`: one tool call as somebody, through the same door as any client."""

from __future__ import annotations

import json
import math
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from remit.cli.mcp_client import NO_ANSWER, McpClient, Reply
from remit.cli.names import SHOWN_MAX, advice, advice_on_grant, near
from remit.cli.options import DEFAULT, Options, usage
from remit.cli.output import CommandFailed, Exit, emit, note
from remit.cli.terminal import one_line, shown
from remit.core.errors import Invalid
from remit.core.meanings import MEANING
from remit.core.reasons import DECISION, OUTAGE, RPC_OUTAGE, Kind, Reason
from remit.core.scope import ToolName
from remit.core.secret import Secret

if TYPE_CHECKING:
    from remit.app.sections import Settings
    from remit.cli.connection import Administration

GRANT_S = 60
NO_TEXT = re.compile("[\ud800-\udfff]")  # what bytes that are no UTF-8 become on a command line
TOOLS = "remit server list --tools"
EXIT_OF = {
    Kind.DENIED: Exit.DENIED,
    Kind.UNAUTHENTICATED: Exit.DENIED,
    Kind.OUTAGE: Exit.UNREACHABLE,
    Kind.INVALID: Exit.USAGE,
}
_BEFORE_DECIDING = {
    reason.value: EXIT_OF[meaning.kind]
    for reason, meaning in MEANING.items()
    if meaning.kind in (Kind.INVALID, Kind.UNAUTHENTICATED)
}
WORD = {
    Kind.DENIED: "DENIED",
    Kind.UNAUTHENTICATED: "DENIED",
    Kind.OUTAGE: "OUTAGE",
    Kind.INVALID: "INVALID",
}


def call(
    tool: Annotated[str, Parameter(help="SERVER/TOOL")],
    /,
    *arguments: Annotated[
        str, Parameter(help="NAME=VALUE (a number, true, false or an object as JSON, else text); NAME:=JSON")
    ],
    as_user: Annotated[str, Parameter(name="--as", help="the account to call as")],
    client: Annotated[str, Parameter(help="the registered client to call through; needed when there are several")] = "",
    options: Options = DEFAULT,
) -> int:
    """Call one tool through Remit with a grant for that tool alone, which ends with the call."""
    server, name = tool_name(tool)
    given = parsed_arguments(arguments)
    configuration = options.configuration()
    settings = configuration.settings
    request: dict[str, Any] = {
        "user": as_user, "client": client or _only_client(settings, as_user), "purpose": f"remit call {server}/{name}",
        "tools": [f"{server}/{name}"], "scopes": [], "resource": f"/mcp/{server}", "ttl_s": GRANT_S,
        "presence": "interactive",
    }  # fmt: skip
    if server in settings.servers:
        request["environment"] = settings.servers[server].environment
    with options.administration() as administration, _signals_interrupt():
        made = administration.act("grant.create", request, advice=advice_on_grant(settings, request))
        try:
            token = Secret(made["access_token"].encode())
            reply = McpClient(f"{settings.public_url}/mcp/{server}", token).call(name, given)
        except KeyboardInterrupt:
            said = "the call was cancelled and its grant ended; what the tool did until then is not undone"
            raise CommandFailed(Exit.INTERRUPTED, "interrupted", detail=said, reason="interrupted") from None
        finally:
            administration.act("grant.end", {"grant": made["grant"]["id"]})
        detail = _detail(administration, reply, server, name)
    return report(f"{server}/{name}", reply, as_json=options.json, detail=detail)


@contextmanager
def _signals_interrupt() -> Iterator[None]:
    """What ends this command, as `timeout` or the end of a terminal does, must not leave its grant behind."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _detail(administration: Administration, reply: Reply, server: str, tool: str) -> str:
    """What the record says of arguments that do not fit, and which tool may have been meant. The client is not told;
    who may make grants is."""
    decision = decision_of(reply) or {}
    try:
        if decision.get("reason") == Reason.ARGS_SCHEMA.value and decision.get("decision_id"):
            return str(administration.act("explain", {"decision_id": decision["decision_id"]}).get("detail", ""))
        if decision.get("reason") == Reason.TOOL_UNKNOWN.value:
            return _without(tool, server, administration.act("server.list")["servers"])
    except CommandFailed:
        pass
    return ""


def _without(tool: str, server: str, servers: Sequence[Mapping[str, Any]]) -> str:
    """Why the server has no such tool; nothing if it has, only not for everybody."""
    found = next((found for found in servers if found["name"] == server), None)
    tools = [name.partition("/")[2] for name in found["tool_names"]] if found is not None else []
    if found is None or tool in tools:
        return ""
    if not tools and found["health"] != "ok":
        return f"{server} is {found['health']}, so its tools are not known"
    return f"{server} offers no {tool}; {near(tool, tools)}".rstrip("; ")


def _only_client(settings: Settings, user: str) -> str:
    """The one client a call as this user can go through. Raises `CommandFailed` when that is not one."""
    account = settings.accounts.get(user)
    if account is None:
        raise usage(f"no account {user!r} in the configuration", advice("account", user, settings.accounts))
    fitting = sorted(
        name for name, found in settings.clients.items() if found.tenant == account.tenant and found.auth == "none"
    )
    if not fitting:
        raise usage(f"no client: tenant {account.tenant} has none with auth: none", "add one to clients, then restart")
    if len(fitting) > 1:
        found = f"which client? tenant {account.tenant} has {len(fitting)} with auth: none"
        raise usage(found, f"name one with --client: {', '.join(fitting[:SHOWN_MAX])}")
    return fitting[0]


def tool_name(text: str) -> tuple[str, str]:
    try:
        name = ToolName.parse(text)
    except Invalid as problem:
        raise usage(problem.detail, f"see: {TOOLS}") from None
    return name.server, name.tool


def parsed_arguments(words: Sequence[str]) -> dict[str, Any]:
    """`a=1 b=text c:='[1]'` as arguments. Text stays text unless it is a JSON number, boolean or object."""
    arguments: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        forced = name.endswith(":")
        name = name.removesuffix(":")
        if NO_TEXT.search(word):
            raise usage(f"expected UTF-8 text, found {word[:80]!r}", "set the terminal to UTF-8")
        if not equals or not name:
            raise usage(f"expected NAME=VALUE, found {word[:80]!r}", _rather(word))
        if name in arguments:
            raise usage(f"{name} is given twice", f"several values are one list: {name}:='[1, 2]'")
        arguments[name] = _forced(name, value) if forced else _guessed(value)
    return arguments


def _rather(word: str) -> str:
    if word.startswith("{"):
        return "write its members one by one: NAME=VALUE"
    return f"write {word}=TEXT" if word.isidentifier() else "write NAME=VALUE"


def _forced(name: str, value: str) -> object:
    try:
        return _from_json(value)
    except ValueError:
        raise usage(
            f"{name}: not JSON: {value[:80]!r}", f"quote it for the shell, for example {name}:='[1, 2]'"
        ) from None


def _from_json(value: str) -> object:
    """Python reads more than JSON, and writes what it read so that nobody else can. Raises `ValueError`."""
    try:
        return json.loads(value, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is no number of JSON")
    return number


def _guessed(value: str) -> object:
    try:
        found = _from_json(value)
    except ValueError:
        return value
    return found if isinstance(found, bool | int | float | dict) else value


def decision_of(reply: Reply) -> Mapping[str, Any] | None:
    """Remit's own word in a reply, wherever it stands, or None when the answer is the server's."""
    result, error = reply.result or {}, reply.error or {}
    for place in (result.get("_meta"), result.get("structuredContent"), error.get("data")):
        found = place.get(DECISION, place.get(OUTAGE)) if isinstance(place, dict) else None
        if isinstance(found, dict):
            return found
    return None


def report(tool: str, reply: Reply, *, as_json: bool, detail: str = "") -> int:
    """Print the answer; the exit code says which of the ways to end it was."""
    decision = decision_of(reply)
    if reply.result is not None and decision is None:
        failed = reply.result.get("isError") is True
        data = {"tool": tool, "outcome": "tool_error" if failed else "ok", "result": reply.result}
        emit("call", data, as_json=as_json, text=_content(reply.result))
        if failed and not as_json:
            note(f"the tool {tool} itself reports an error")
        return Exit.FINDINGS if failed else Exit.OK
    if decision is not None:
        return _refused(tool, reply, decision, as_json=as_json, detail=detail)
    raise _failed(tool, reply)


def _failed(tool: str, reply: Reply) -> CommandFailed:
    """An error that is no decision: Remit's before it decided, the server's, or nobody's."""
    error = reply.error or {}
    number, data = error.get("code"), error.get("data")
    code, advice = Exit.FINDINGS, ""
    if isinstance(data, dict) and data.get("reason") in _BEFORE_DECIDING:
        code, advice = _BEFORE_DECIDING[data["reason"]], one_line(data.get("next", ""), 240)
    elif reply.status in (401, 403):
        code = Exit.DENIED
    elif number == RPC_OUTAGE:
        code, advice = Exit.UNREACHABLE, "remit check says which servers answer"
    elif number == NO_ANSWER:
        code, advice = Exit.UNREACHABLE, "is that Remit? clients go where public_url in the configuration leads"
    return CommandFailed(
        code,
        one_line(_once(str(error.get("message", "no answer")))),
        detail=one_line(reply.challenge) or f"{tool}: JSON-RPC code {number}, HTTP {reply.status}",
        next_step=advice,
        reason="error",
    )


def _once(message: str) -> str:
    """`no answer: no answer` says it once."""
    text, _, detail = message.partition(": ")
    return text if detail == text else message


def _refused(tool: str, reply: Reply, decision: Mapping[str, Any], *, as_json: bool, detail: str) -> int:
    kind = kind_of(decision, reply)
    outcome = "denied" if EXIT_OF[kind] is Exit.DENIED else kind.value
    text = f"{WORD[kind]} {refusal_line(decision)}"
    if detail:
        text += f"\n  found: {one_line(detail, 240)}"
    if decision.get("next") and not str(decision["next"]).startswith("see remit explain"):  # the next line says that
        unknown = decision.get("reason") == Reason.TOOL_UNKNOWN.value
        text += f"\n  next: {TOOLS if unknown else one_line(decision['next'], 240)}"
    if decision.get("decision_id"):
        text += f"\n  why:  remit explain {decision['decision_id']}"
    emit("call", {"tool": tool, "outcome": outcome, "decision": decision}, as_json=as_json, text=text)
    return EXIT_OF[kind]


def kind_of(decision: Mapping[str, Any], reply: Reply) -> Kind:
    try:
        return MEANING[Reason(str(decision.get("reason")))].kind
    except ValueError:  # a newer Remit with a reason this one does not know
        return Kind.OUTAGE if (reply.error or {}).get("code") == RPC_OUTAGE else Kind.DENIED


def refusal_line(decision: Mapping[str, Any]) -> str:
    """`dec_7Q2K…  policy "write-inside-workspace" (files.cedar:12)  near miss: …`"""
    parts = [str(decision.get("decision_id", "")), str(decision.get("reason", ""))]
    if decision.get("policy"):
        parts.append(f"policy {quoted(decision['policy'])}")
    if decision.get("near_miss"):
        parts.append(f"near miss: {near_miss(decision['near_miss'])}")
    return "  ".join(one_line(part, 240) for part in parts if part)


def quoted(policy: object) -> str:
    """`write-inside (files.cedar:12)` as `"write-inside" (files.cedar:12)`. Several are separated by commas."""
    names = policy if isinstance(policy, list) else [policy]
    return ", ".join(_quoted(str(name)) for name in names)


def _quoted(policy: str) -> str:
    name, space, place = policy.partition(" ")
    return f'"{name}"{space}{place}'


def near_miss(near: object) -> str:
    if not isinstance(near, Mapping):
        return str(near)
    failed = "; ".join(map(str, near.get("failed", [])))
    return f"{quoted(near.get('policy', ''))} would permit if {failed}" if failed else quoted(near.get("policy", ""))


def _content(result: Mapping[str, Any]) -> str:
    blocks = result.get("content")
    lines = [_block(block) for block in blocks if isinstance(block, dict)] if isinstance(blocks, list) else []
    if not lines and "structuredContent" in result:
        lines = [json.dumps(result["structuredContent"], indent=2)]
    return shown("\n".join(lines))


def _block(block: Mapping[str, Any]) -> str:
    if block.get("type") == "text":
        return str(block.get("text", ""))
    kind, about = block.get("type", "?"), block.get("mimeType") or block.get("uri") or ""
    return f"[{kind} {about}; see it with --json]"
