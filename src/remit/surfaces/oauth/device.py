"""Where a person types the code that a device shows. What it stands for is asked afterwards, as for any client."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from remit.core.errors import Refusal
from remit.core.reasons import Kind
from remit.core.sign_in import BrowserSession
from remit.surfaces.oauth.browser import BROWSER, SESSION, cookie, form_token, keep, new_browser, require_own_form
from remit.surfaces.oauth.form import read_form
from remit.surfaces.oauth.pages import People, device_path, guarded, query, said_of, see
from remit.surfaces.oauth.render import message, page


def routes(people: People) -> list[Route]:
    pages = _Device(people)
    return [
        Route("/device", guarded(pages.ask, people.origin), methods=["GET"]),
        Route("/device", guarded(pages.typed, people.origin), methods=["POST"]),
    ]


class _Device:
    def __init__(self, people: People) -> None:
        self._people = people

    async def ask(self, request: Request) -> Response:
        """A code that came with the link stands in the form and is not sent by itself: whoever wrote the link may have
        put their own there, and only the person can compare (RFC 8628 section 3.3.1).
        """
        if query(request, "answered"):
            return message("The device knows", "You can go back to the device and close this page.", status=200)
        code = device_path(query(request, "user_code")).partition("=")[2]
        session = await self._session(request)
        if session is None:
            return see(f"/sign-in?device={code or 'yes'}")
        return self._page(request, session, code=code, linked=bool(code))

    async def typed(self, request: Request) -> Response:
        form = await read_form(request)
        browser = require_own_form(request, form, self._people.origin)
        session = await self._session(request)
        if session is None:
            return see("/sign-in?device=yes")
        text, peer = form.get("user_code", ""), request.client.host if request.client else ""

        async def found() -> str:
            return self._people.device.typed(text, session, browser, peer=peer)

        try:
            handle = await self._people.at_home(found())
        except Refusal as refusal:
            if refusal.kind is Kind.OUTAGE:
                raise
            status = refusal.meaning.http_status
            said = f"{said_of(refusal)} {refusal.meaning.next[:1].upper()}{refusal.meaning.next[1:]}."
            return self._page(request, session, code=text[:64], said=said, bad=True, status=status)
        return see(f"/consent?request={handle}")

    def _page(
        self, request: Request, session: BrowserSession, *, code: str, linked: bool = False, **values: Any
    ) -> Response:
        browser = cookie(request, BROWSER) or new_browser()
        values |= {"account": session.account, "tenant": session.tenant}
        answer = page("device.html", form=form_token(browser), code=code, linked=linked, **values)
        keep(answer, BROWSER, browser)
        return answer

    async def _session(self, request: Request) -> BrowserSession | None:
        presented = cookie(request, SESSION)

        async def found() -> BrowserSession | None:
            return self._people.sign_in.session(presented)

        return await self._people.at_home(found())
