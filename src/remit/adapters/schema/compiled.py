"""inputSchemas compiled once, when their tool is trusted: a call then costs about a microsecond."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jsonschema_rs

from remit.adapters.schema.work import affordable, unfolds
from remit.core.catalog import Validator
from remit.core.json_schema import References, Unresolved

DEPTH_MAX: Final = 64
NODES_MAX: Final = 20_000
REGEX_BACKTRACKS_MAX: Final = 50_000
PROBLEM_CHARS_MAX: Final = 300


class SchemaProblem(ValueError):
    """The schema cannot be used; the text says why, for the operator."""


def compile_schema(schema: Mapping[str, Any]) -> Validator:
    """Draft 2020-12 unless `$schema` says otherwise. Raises `SchemaProblem`.

    Nothing is fetched: a `$ref` to anywhere but the schema itself does not compile (G16). Depth, size and regular
    expression backtracking are bounded, because the schema is the server's and the call is on the hot path. Where
    references could multiply the work, each value's is counted before the validator, which nothing interrupts, starts.
    """
    _refuse_excess(schema)
    references = References(schema)
    try:
        cheap = unfolds(schema, references)
    except Unresolved as error:
        raise SchemaProblem(str(error)) from None
    try:
        validator = jsonschema_rs.validator_for(
            dict(schema),
            offline=True,
            mask="the value",  # problems are recorded, arguments are not
            pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=REGEX_BACKTRACKS_MAX),
        )
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        raise SchemaProblem(str(error).partition("\n")[0][:PROBLEM_CHARS_MAX]) from None

    def problem(arguments: Mapping[str, Any]) -> str | None:
        if not cheap and not affordable(schema, references, arguments):
            return "the tool's inputSchema makes too much work of these arguments"
        try:
            if validator.is_valid(arguments):
                return None
            first = next(iter(validator.iter_errors(arguments)), None)
        except ValueError:
            return "the arguments hold a value that cannot be checked"
        if first is None:
            return "the arguments do not fit"
        where = "/".join(str(step) for step in first.instance_path)
        return f"{where or 'arguments'}: {first.message}"[:PROBLEM_CHARS_MAX]

    return problem


def _refuse_excess(schema: Mapping[str, Any]) -> None:
    nodes = 0
    stack: list[tuple[int, object]] = [(0, schema)]
    while stack:
        depth, node = stack.pop()
        nodes += 1
        if depth > DEPTH_MAX:
            raise SchemaProblem(f"nests deeper than {DEPTH_MAX} levels")
        if nodes > NODES_MAX:
            raise SchemaProblem(f"has more than {NODES_MAX} parts")
        if isinstance(node, Mapping):
            stack.extend((depth + 1, inner) for inner in node.values())
        elif isinstance(node, list):
            stack.extend((depth + 1, inner) for inner in node)
