"""`remit login`: what became of a login, for whoever is asked why it did not work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from cyclopts import App, Parameter

from remit.cli.options import DEFAULT, Options
from remit.cli.output import emit, table
from remit.cli.terminal import one_line
from remit.cli.times import moment

app = App(name="login", help="See what became of a login, step by step.")

# A step as a person reads it, and what to look at next where it ended badly.
TOLD: dict[str, tuple[str, str]] = {
    "begun": ("a client sent a browser here", "the browser did not come back; are cookies off?"),
    "refused": ("refused, on a page", ""),
    "error_sent": ("an error was sent to the client", "the client's own log says what it made of it"),
    "sign_in_needed": ("the person has to sign in", "they have not signed in yet"),
    "sign_in_failed": ("signing in failed", "a new link for the password: remit account invite"),
    "signed_in": ("signed in", ""),
    "asked": ("the question was shown", "they have not answered yet"),
    "agreed": ("yes, and the code went to the client", "the client has not come for its tokens: its own log says why"),
    "declined": ("no", ""),
    "exchanged": ("the client exchanged the code for tokens", ""),
    "exchange_refused": ("the client's code was refused", ""),
    "refreshed": ("the client refreshed its tokens", ""),
    "refresh_refused": ("the client's refresh token was refused", "the client has to send the person here again"),
}


@app.command(name="list")
def list_logins(
    *,
    user: Annotated[str, Parameter(help="only those of this account")] = "",
    client: Annotated[str, Parameter(help="only those of this client")] = "",
    options: Options = DEFAULT,
) -> None:
    """Show the logins begun lately, the newest first, and how far each came."""
    with options.administration() as administration:
        done = administration.act("login.list", {"user": user, "client": client})
    rows = [
        (
            login["login"],
            moment(login["begun_at_s"]),
            one_line(login["client"], 40) or "-",
            one_line(login["account"], 40) or "-",
            login["last"]["step"],
            one_line(login["last"]["detail"], 60),
        )
        for login in done["logins"]
    ]
    text = table(("login", "begun", "client", "account", "last step", ""), rows) if rows else "no login is remembered"
    more = f"\nand {done['left_out']} more; choose with --user or --client" if done["left_out"] else ""
    emit("login-list", done, as_json=options.json, text=text + more)


@app.command
def trace(
    login: Annotated[str, Parameter(help="the number the page showed: req_…")], /, *, options: Options = DEFAULT
) -> None:
    """Tell one login step by step: when, what, and why it went no further."""
    with options.administration() as administration:
        done = administration.act("login.trace", {"login": login}, advice="remit login list shows those remembered")
    emit("login-trace", done, as_json=options.json, text="\n".join(_traced(done)))


def _traced(login: Mapping[str, Any]) -> Iterator[str]:
    who = one_line(login["account"]) or "nobody signed in"
    yield f"{login['login']}  {one_line(login['client']) or '(client not remembered)'}  {who}"
    yield from (f"  {name:8}  {one_line(login[name])}" for name in ("resource", "grant") if login[name])
    for taken in login["steps"]:
        told, _ = TOLD.get(taken["step"], (taken["step"], ""))
        times = f"  ({taken['times']} times, last {moment(taken['last_at_s'])})" if taken["times"] > 1 else ""
        yield f"  {moment(taken['at_s'])}  {told}{times}"
        if taken["detail"]:
            yield f"  {'':23}  {one_line(taken['detail'])}"
    if login["left_out"]:
        yield f"  {login['left_out']} steps in between are not kept"
    _, advice = TOLD.get(login["last"]["step"], ("", ""))
    if advice:
        yield f"next  {advice}"
