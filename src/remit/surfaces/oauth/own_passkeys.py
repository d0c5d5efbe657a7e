"""A person's passkeys: listed, added and removed by themselves."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from remit.core.errors import Refusal
from remit.core.passkeys import PASSKEYS_MAX
from remit.core.reasons import Kind
from remit.core.secret import Secret
from remit.core.sign_in import BrowserSession
from remit.flows.passkeys import Asked
from remit.surfaces.oauth.browser import BROWSER, SESSION, cookie, form_token, keep, new_browser, require_own_form
from remit.surfaces.oauth.form import read_form
from remit.surfaces.oauth.pages import People, guarded, query, said_of, see
from remit.surfaces.oauth.render import page, passkey_shown

AGAIN = "/sign-in?then=passkeys"
SAID = {"added": "It is added. You can sign in with it.", "removed": "It is removed. Other browsers are signed out."}


def routes(people: People) -> list[Route]:
    pages = _OwnPasskeys(people)
    return [
        Route("/account/passkeys", guarded(pages.show, people.origin), methods=["GET"]),
        Route("/account/passkeys/add", guarded(pages.add, people.origin), methods=["POST"]),
        Route("/account/passkeys/remove", guarded(pages.remove, people.origin), methods=["POST"]),
    ]


class _There(NamedTuple):
    """Who sits at the browser, and what their page shows."""

    session: BrowserSession
    cookie: Secret
    entered: bool
    may_change: bool
    passkeys: list[dict[str, Any]]
    asked: Asked | None


class _OwnPasskeys:
    def __init__(self, people: People) -> None:
        self._people = people
        self._walk = people.passkeys
        self._host = urlsplit(people.origin).netloc

    async def show(self, request: Request) -> Response:
        said = next((text for name, text in SAID.items() if query(request, name)), "")
        return await self._page(request, said=said)

    async def add(self, request: Request) -> Response:
        form = await read_form(request)
        browser = require_own_form(request, form, self._people.origin)
        there = await self._people.at_home(self._there(request, browser))
        if there is None:
            return see(AGAIN)
        work = self._walk.add(
            there.session, there.cookie, browser,
            sealed=form.get("challenge", ""), answer=form.get("answer", ""), name=form.get("name", ""),
        )  # fmt: skip
        try:
            await self._people.at_home(work)
        except Refusal as refusal:
            return await self._again(request, refusal, name=form.get("name", "")[:256])
        return see("/account/passkeys?added=1" if there.entered else "/sign-in?added=1")

    async def remove(self, request: Request) -> Response:
        form = await read_form(request)
        browser = require_own_form(request, form, self._people.origin)
        there = await self._people.at_home(self._there(request, browser))
        if there is None:
            return see(AGAIN)
        try:
            await self._people.at_home(self._walk.remove(there.session, there.cookie, form.get("passkey", "")))
        except Refusal as refusal:
            return await self._again(request, refusal)
        return see("/account/passkeys?removed=1")

    async def _again(self, request: Request, refusal: Refusal, **values: Any) -> Response:
        if refusal.kind is Kind.OUTAGE:
            raise refusal
        status = refusal.meaning.http_status
        return await self._page(request, said=said_of(refusal), bad=True, status=status, **values)

    async def _page(self, request: Request, **values: Any) -> Response:
        browser = cookie(request, BROWSER) or new_browser()
        there = await self._people.at_home(self._there(request, browser))
        if there is None:
            return see(AGAIN)
        if not there.entered and there.passkeys:
            return see("/sign-in")
        shown = {
            "name": "",
            "host": self._host,
            "account": there.session.account,
            "form": form_token(browser),
            **values,
        }
        shown |= {"entered": there.entered, "may_change": there.may_change, "passkeys": there.passkeys}
        shown |= {"possible": self._walk.possible, "full": len(there.passkeys) >= PASSKEYS_MAX, "asked": there.asked}
        answer = page("passkeys.html", script=there.asked is not None, **shown)
        keep(answer, BROWSER, browser)
        return answer

    async def _there(self, request: Request, browser: Secret) -> _There | None:
        presented, sessions = cookie(request, SESSION), self._walk.sessions
        session = sessions.half_way(presented) or sessions.entered(presented)
        if session is None or presented is None:
            return None
        may_change = self._walk.may_change(session)
        mine = [passkey_shown(id, kept) for id, kept in self._walk.of(session.account).items()]
        able = may_change and self._walk.possible and len(mine) < PASSKEYS_MAX
        asked = self._walk.ask_to_add(session, presented, browser) if able else None
        return _There(session, presented, sessions.is_entered(session), may_change, mine, asked)
