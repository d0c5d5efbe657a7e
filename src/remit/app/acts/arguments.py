"""What an administrative act is asked with, read strictly: what cannot be read is refused, never taken for absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from remit.core.client_document import URL_CHARS_MAX
from remit.core.errors import refuse
from remit.core.grant import Budget, Calls, Unmetered
from remit.core.grantbook import Selector
from remit.core.principals import Presence
from remit.core.reasons import Reason
from remit.core.scope import OneTool, Scope, ToolName, parse_scope

Arguments = Mapping[str, Any]
DECISION_ID_LENGTH_MAX: Final = 64
# What is asked goes on record, also when it is denied, and all of it has to fit.
TEXT_CHARS_MAX: Final = 1024


def text(arguments: Arguments, name: str) -> str:
    value = arguments.get(name, "")
    if not isinstance(value, str):
        raise refuse(Reason.INVALID_PARAMS, f"{name}: expected text")
    if len(value) > TEXT_CHARS_MAX:
        raise refuse(Reason.INVALID_PARAMS, f"{name}: at most {TEXT_CHARS_MAX} characters")
    return value


def decision_of(arguments: Arguments) -> str:
    """A decision's id as somebody typed it. It goes on record, so it is no longer than an id can be."""
    found = text(arguments, "decision_id")
    if len(found) > DECISION_ID_LENGTH_MAX:
        raise refuse(Reason.INVALID_PARAMS, f"decision_id: at most {DECISION_ID_LENGTH_MAX} characters")
    return found


def client_id_of(arguments: Arguments) -> str:
    """A client's id as somebody typed it. It goes on record, and the client need not be there yet."""
    found = text(arguments, "client")
    if not found or len(found) > URL_CHARS_MAX:
        raise refuse(Reason.INVALID_PARAMS, f"client: expected a client id of at most {URL_CHARS_MAX} characters")
    return found


def object_of(arguments: Arguments, name: str) -> Mapping[str, Any]:
    found = arguments.get(name)
    if not isinstance(found, dict):
        raise refuse(Reason.INVALID_PARAMS, f"{name}: expected an object")
    return found


def presence_of(arguments: Arguments) -> Presence:
    try:
        return Presence(text(arguments, "presence") or Presence.AUTONOMOUS)
    except ValueError:
        raise refuse(Reason.INVALID_PARAMS, "presence: expected interactive or autonomous") from None


def scopes_of(arguments: Arguments) -> frozenset[Scope]:
    tools = [ToolName.parse(text) for text in texts(arguments, "tools")]
    named = [parse_scope(text) for text in texts(arguments, "scopes")]
    return frozenset([*named, *(OneTool(tool.server, tool.tool) for tool in tools)])


def texts(arguments: Arguments, name: str) -> list[str]:
    found = arguments.get(name, [])
    if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
        raise refuse(Reason.INVALID_PARAMS, f"{name}: expected a list of text")
    return found


def ttl_s_of(arguments: Arguments) -> float | None:
    ttl_s = arguments.get("ttl_s")
    if ttl_s is not None and type(ttl_s) not in (int, float):
        raise refuse(Reason.INVALID_PARAMS, "ttl_s: expected a number of seconds")
    return ttl_s


def budget_of(arguments: Arguments) -> Budget:
    """Only a limit that was not asked for is none: one that cannot be read must not be taken for none."""
    calls_max = arguments.get("calls_max")
    if calls_max is None:
        return Unmetered()
    if type(calls_max) is not int:
        raise refuse(Reason.INVALID_PARAMS, "calls_max: expected a whole number")
    return Calls(calls_max)


# What a person calls it -> the selector's field.
SELECTED_BY: Final = {
    "grant": "grant",
    "user": "subject",
    "client": "client",
    "actor": "actor",
    "server": "server",
    "tenant": "tenant",
}


def selector_of(arguments: Arguments) -> Selector:
    given = {field: text(arguments, name) for name, field in SELECTED_BY.items()}
    return Selector(**given, everything=arguments.get("everything") is True)
