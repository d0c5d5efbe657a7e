"""The house rules over one Python file: each takes a Source and yields what is wrong: "line: what, and what to do"."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

from tests.tidy.tree import Source

Rule = Callable[[Source], Iterator[str]]
Function = ast.FunctionDef | ast.AsyncFunctionDef

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
PROOFS = frozenset({"Authenticated", "Bound", "Consented", "Resolved", "Permitted", "Recorded", "Leased"})
BUCKETS = frozenset({"common", "helper", "helpers", "manager", "managers", "misc", "services", "util", "utils"})

# The words of the glossary's "not" column that mean nothing else in this code, and what to say instead.
WORDS = {
    "backend": "resource server or upstream",
    "blacklist": "deny, forbid",
    "bot": "workload",
    "caller": "subject, client or actor",
    "checker": "PEP or PDP",
    "gateway": "upstream, resource server or Remit",
    "helper": "a name that says what it does",
    "manager": "a name that says what it does",
    "requester": "subject, client or actor",
    "util": "a name that says what it does",
    "utils": "a name that says what it does",
    "whitelist": "permit",
}
PHRASES = {
    "auth_service": "authorization server or identity provider",
    "can_access": "evaluate, conclude",
    "check_access": "evaluate, conclude",
    "is_allowed": "Decision",
    "on_behalf": "subject and actor",
    "service_user": "workload",
}


def fits_the_budget(source: Source) -> Iterator[str]:
    """400 lines a file, 60 a function. There is no list of exceptions: split what grows."""
    lines = source.text.count("\n")
    if lines > FILE_LINES_MAX:
        yield f"1: {lines} lines, budget {FILE_LINES_MAX}; split it along a domain word"
    for function in _functions(source):
        lines = (function.end_lineno or function.lineno) - function.lineno + 1
        if lines > FUNCTION_LINES_MAX:
            yield f"{function.lineno}: {function.name} has {lines} lines, budget {FUNCTION_LINES_MAX}; split it"


def leaves_proofs_to_core(source: Source) -> Iterator[str]:
    """Outside core a proof may be named in annotations, isinstance and match patterns, never to make one."""
    if not source.within("src") or source.within("src/remit/core"):
        return
    names = {name: name for name in PROOFS} | _aliases(source, PROOFS)
    harmless = {id(node) for root in _type_positions(source) for node in ast.walk(root)}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Name | ast.Attribute) and id(node) not in harmless:
            name = node.id if isinstance(node, ast.Name) else node.attr
            if name in names:
                yield f"{node.lineno}: {names[name]} used as a value; only core builds one, call its conclude function"
        if isinstance(node, ast.Call) and _called(node) == "cast" and node.args:
            yield from (
                f"{node.lineno}: cast to {proof}; a proof is concluded, not claimed"
                for proof in PROOFS
                if re.search(rf"\b{proof}\b", ast.unparse(node.args[0]))
            )


def core_never_awaits(source: Source) -> Iterator[str]:
    if source.within("src/remit/core"):
        for node in ast.walk(source.tree):
            if isinstance(node, ast.AsyncFunctionDef | ast.Await | ast.AsyncFor | ast.AsyncWith):
                yield f"{node.lineno}: core never awaits; put the walk into flows and the rule here"


def speaks_the_glossary(source: Source) -> Iterator[str]:
    """Names defined in src use the glossary's word for the thing."""
    if not source.within("src"):
        return
    for line, name in _defined_names(source):
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_")
        for word in set(snake.split("_")) & WORDS.keys():
            yield f"{line}: {name} says {word}; the glossary's word is {WORDS[word]}"
        for phrase in PHRASES:
            if f"_{phrase}_" in f"_{snake}_":
                yield f"{line}: {name} says {phrase}; the glossary's word is {PHRASES[phrase]}"


def stands_in_a_named_place(source: Source) -> Iterator[str]:
    """No folder or file is a bucket: what lies in it could not be guessed from its name."""
    for part in source.parts:
        if part.removesuffix(".py") in BUCKETS:
            yield f"1: {part} is a bucket; name the folder after the domain, and keep a function beside its one user"


def uses_fakes_not_mocks(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.arg) and node.arg == "mocker":
            modules = ["mock"]
        if any(module.split(".")[0] in {"mock", "pytest_mock"} or module == "unittest.mock" for module in modules):
            yield f"{getattr(node, 'lineno', 1)}: a mock pins the implementation; use a fake of remit.testing"


def always_runs(source: Source) -> Iterator[str]:
    """A skipped test proves nothing and looks as if it did."""
    if source.within("tests"):
        skips = {"skip", "skipif", "skipIf", "skipUnless", "skipTest", "xfail", "importorskip", "expectedFailure"}
        for node in ast.walk(source.tree):
            if (isinstance(node, ast.Attribute) and node.attr in skips) or (
                isinstance(node, ast.Name) and node.id in skips
            ):
                yield f"{node.lineno}: no skip and no xfail; mark `engine` what needs one, mend or delete the rest"


def can_fail(source: Source) -> Iterator[str]:
    """Each test holds an assertion, expects an exception, or calls something whose name says that it checks."""
    if source.within("tests"):
        for function in _functions(source):
            if function.name.startswith("test_") and not any(map(_checks, ast.walk(function))):
                yield f"{function.lineno}: {function.name} asserts nothing, so it cannot fail"


def mirrors_src(source: Source, modules: frozenset[str]) -> Iterator[str]:
    """tests/unit/core/test_grant.py, or test_grant_<aspect>.py, tests src/remit/core/grant.py (or folder grant/)."""
    if not source.within("tests/unit") or source.parts[-1] in {"__init__.py", "conftest.py"}:
        return
    folder = "/".join(("src/remit", *source.parts[2:-1]))
    aspect = source.parts[-1].removesuffix(".py").removeprefix("test_").split("_")
    candidates = {f"{folder}/{'_'.join(aspect[:end])}" for end in range(1, len(aspect) + 1)}
    if not source.parts[-1].startswith("test_") or not candidates & modules:
        yield f"1: no module under {folder} has this name; a unit test mirrors the file it tests, others live elsewhere"


def _functions(source: Source) -> Iterator[Function]:
    return (node for node in ast.walk(source.tree) if isinstance(node, Function))


def _aliases(source: Source, wanted: frozenset[str]) -> dict[str, str]:
    """Local name to wanted name, for `from ... import Wanted as local`."""
    return {
        alias.asname: alias.name
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname and alias.name in wanted
    }


def _type_positions(source: Source) -> Iterator[ast.AST]:
    """The expressions that only speak about types: annotations, isinstance, assert_type, match patterns."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.arg | ast.AnnAssign) and node.annotation:
            yield node.annotation
        elif isinstance(node, Function) and node.returns:
            yield node.returns
        elif isinstance(node, ast.MatchClass):
            yield node.cls
        elif isinstance(node, ast.Call) and _called(node) in {"isinstance", "issubclass", "assert_type"}:
            yield from node.args[1:]


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).rsplit(".", 1)[-1]


def _defined_names(source: Source) -> Iterator[tuple[int, str]]:
    yield 1, source.parts[-1].removesuffix(".py")
    for node in ast.walk(source.tree):
        if isinstance(node, Function | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.attr


def _checks(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return not (isinstance(node.test, ast.Constant) and node.test.value)
    return isinstance(node, ast.Call) and bool(
        re.search(r"assert|raises|warns|expect|check|verify|refuse", _called(node))
    )


RULES: tuple[Rule, ...] = (
    fits_the_budget,
    leaves_proofs_to_core,
    core_never_awaits,
    speaks_the_glossary,
    stands_in_a_named_place,
    uses_fakes_not_mocks,
    always_runs,
    can_fail,
)
