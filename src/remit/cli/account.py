"""`remit account`: people who sign in with an account here."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from remit.cli.options import DEFAULT, Options
from remit.cli.output import emit
from remit.cli.terminal import one_line

app = App(name="account", help="Let people in: links to set a password.")


@app.command
def invite(
    account: Annotated[str, Parameter(help="an account of the configuration")], *, options: Options = DEFAULT
) -> None:
    """Print a link with which this account's password can be set, once. An earlier link stops working."""
    with options.administration_or_alone() as administration:
        done = administration.act("account.invite", {"account": account})
    text = (
        f"{done['link']}\n\nFor {one_line(account)}, good once and for {done['expires_in_s'] // 3600} hours. "
        "Whoever has it sets the password: hand it over yourself."
    )
    emit("account-invite", done, as_json=options.json, text=text)
