"""`remit account`: people who sign in with an account here."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from remit.cli.options import DEFAULT, Options
from remit.cli.output import emit
from remit.cli.terminal import one_line

app = App(name="account", help="Let people in: links to set a password.")


Account = Annotated[str, Parameter(help="an account of the configuration")]


@app.command
def invite(account: Account, *, options: Options = DEFAULT) -> None:
    """Print a link with which this account's password can be set, once. An earlier link stops working."""
    _made("invite", account, options)


@app.command
def first(account: Account = "", *, options: Options = DEFAULT) -> None:
    """Print the link for the first person of a tenant. It works only while nobody there can sign in."""
    _made("first", account, options)


@app.command
def recover(account: Account, *, options: Options = DEFAULT) -> None:
    """End password, passkeys and sessions of an account, and print the one link that lets its person in again."""
    _made("recover", account, options)


def _made(how: str, account: str, options: Options) -> None:
    with options.administration_or_alone() as administration:
        done = administration.act(f"account.{how}", {"account": account})
    text = (
        f"{done['link']}\n\nFor {one_line(done['account'])}, good once and for {done['expires_in_s'] // 3600} hours. "
        "Whoever has it sets the password: hand it over yourself."
    )
    emit(f"account-{how}", done, as_json=options.json, text=text)
