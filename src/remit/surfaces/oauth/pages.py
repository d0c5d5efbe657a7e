"""The pages of people with an account here: set a password, see and end what acts in their name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from remit.core.consent import Consent
from remit.core.device_code import parse_user_code
from remit.core.errors import Refusal
from remit.core.grant import Grant
from remit.core.passwords import PASSWORD_CHARS_MIN
from remit.core.reasons import Kind, Reason
from remit.core.secret import Secret
from remit.core.sign_in import BrowserSession
from remit.flows.authorize import Authorize
from remit.flows.authorize_device import AuthorizeDevice
from remit.flows.oauth_error import OAuthError
from remit.flows.own_grants import OwnGrants
from remit.flows.passkeys import OwnPasskeys
from remit.flows.push_request import PushRequest
from remit.flows.remembered import Remember
from remit.flows.sign_in import SignIn
from remit.surfaces.oauth.browser import (
    BROWSER,
    SESSION,
    CrossSite,
    cookie,
    form_token,
    keep,
    new_browser,
    require_own_form,
)
from remit.surfaces.oauth.form import parse_form, read_form
from remit.surfaces.oauth.render import HEADERS, consent_shown, grant_shown, message, page

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class People:
    """What the pages stand on. `home` runs a coroutine on the loop that grants and sessions live on; `origin` is the
    public one, from the configuration.
    """

    sign_in: SignIn
    passkeys: OwnPasskeys
    own: OwnGrants
    authorize: Authorize
    push: PushRequest
    device: AuthorizeDevice
    remember: Remember
    home: Callable[[Coroutine[Any, Any, Any]], Awaitable[Any]]
    origin: str

    async def at_home(self, work: Coroutine[Any, Any, T]) -> T:
        result: T = await self.home(work)
        return result


def routes(people: People) -> list[Route]:
    pages = _Pages(people)
    return [
        Route("/password", guarded(pages.ask_password, people.origin), methods=["GET"]),
        Route("/password", guarded(pages.set_password, people.origin), methods=["POST"]),
        Route("/account", guarded(pages.account, people.origin), methods=["GET"]),
        Route("/account/end", guarded(pages.end, people.origin), methods=["POST"]),
        Route("/account/take-back", guarded(pages.take_back, people.origin), methods=["POST"]),
        Route("/account/cut", guarded(pages.cut, people.origin), methods=["POST"]),
    ]


def guarded(handler: Handler, origin: str) -> Handler:
    """Whatever is refused is a page that says what and what to do. A name that was made to lead here is not ours
    (DNS rebinding): nothing is done under it.
    """
    place = urlsplit(origin)
    host, default = place.netloc.lower(), {"http": 80, "https": 443}[place.scheme]

    async def answer(request: Request) -> Response:
        said = [host.lower() for host in request.headers.getlist("host")]
        if said not in ([host], [f"{host}:{default}"]):
            return message("Not here", "This address is not Remit's.", f"Use {origin} instead.", status=421)
        try:
            return await handler(request)
        except CrossSite:
            text = "This form was not sent from a page that Remit showed in this browser, so nothing was done."
            return message("Not from here", text, "Open the page again and send it from there.", status=403)
        except OAuthError as error:
            return message("Not understood", error.description, status=error.status)
        except Refusal as refusal:
            heading = "Not now" if refusal.kind is Kind.OUTAGE else "Not done"
            status = refusal.meaning.http_status  # below 400 it is MCP's, where a denial is a result
            status = status if status >= 400 else 403
            return message(heading, said_of(refusal), refusal.meaning.next, status=status, login=refusal.login_id)

    return answer


def said_of(refusal: Refusal) -> str:
    """The table's words, and the details unless they are about our own insides."""
    detail = refusal.detail if refusal.detail and refusal.kind is not Kind.OUTAGE else ""
    text = f"{refusal.meaning.text}: {detail}" if detail else refusal.meaning.text
    return f"{text[:1].upper()}{text[1:]}."


class _Pages:
    def __init__(self, people: People) -> None:
        self._people = people

    # the password
    async def ask_password(self, request: Request) -> Response:
        link = query(request, "link")
        account = await self._home(self._invited(link))
        return self._password_page(request, account, link)

    def _password_page(self, request: Request, account: str, link: str, **values: Any) -> Response:
        browser = cookie(request, BROWSER) or new_browser()
        values |= {"account": account, "link": link, "form": form_token(browser), "chars_min": PASSWORD_CHARS_MIN}
        answer = page("password.html", **values)
        keep(answer, BROWSER, browser)
        return answer

    async def set_password(self, request: Request) -> Response:
        form = await read_form(request)
        require_own_form(request, form, self._people.origin)
        link, typed = form.get("link", ""), form.get("password", "")
        account = await self._home(self._invited(link))
        if typed != form.get("again", ""):
            said = "The two differ; type the same password twice."
            return self._password_page(request, account, link, said=said, bad=True, status=400)
        try:
            await self._home(self._people.sign_in.set_password(_secret(link), typed))
        except Refusal as refusal:
            if refusal.reason is not Reason.PASSWORD_WEAK:
                raise
            return self._password_page(request, account, link, said=said_of(refusal), bad=True, status=400)
        return see("/sign-in?set=1")

    async def _invited(self, link: str) -> str:
        return self._people.sign_in.invited(_secret(link))

    # what acts in their name
    async def account(self, request: Request) -> Response:
        session = await self._session(request)
        if session is None:
            return see("/sign-in")
        browser = cookie(request, BROWSER) or new_browser()
        shown = await self._home(self._own(session))
        values: dict[str, Any] = {"account": session.account, "tenant": session.tenant, **shown}
        answer = page("account.html", form=form_token(browser), **values)
        keep(answer, BROWSER, browser)
        return answer

    async def _own(self, session: BrowserSession) -> dict[str, Any]:
        grants, agreed = self._people.own.of(session), self._people.own.agreed(session)
        everything: list[Grant | Consent] = [*(live.grant for live in grants), *agreed]
        return {
            "grants": [grant_shown(live) for live in grants],
            "agreed": [consent_shown(each) for each in agreed],
            "clients": sorted({each.client_id for each in everything}),
            "servers": sorted({scope.server for each in everything for scope in each.scopes}),
        }

    async def end(self, request: Request) -> Response:
        form = await read_form(request)
        require_own_form(request, form, self._people.origin)
        session = await self._session(request)
        if session is None:
            return see("/sign-in")
        if not await self._home(self._people.own.end(session, form.get("grant", ""))):
            text = "No such grant acts in your name; it may have ended meanwhile."
            return message("Nothing to end", text, status=404)
        return see("/account")

    async def take_back(self, request: Request) -> Response:
        form = await read_form(request)
        require_own_form(request, form, self._people.origin)
        session = await self._session(request)
        if session is None:
            return see("/sign-in")
        if not await self._home(self._people.own.take_back(session, form.get("consent", ""))):
            text = "No such agreement of yours; you may have taken it back already."
            return message("Nothing to take back", text, status=404)
        return see("/account")

    async def cut(self, request: Request) -> Response:
        form = await read_form(request)
        require_own_form(request, form, self._people.origin)
        session = await self._session(request)
        if session is None:
            return see("/sign-in")
        about = {name: form.get(name, "") for name in ("client", "server")}
        if not await self._home(self._people.own.cut(session, **about)):
            text = "Nothing of yours acts through it; it may have ended meanwhile."
            return message("Nothing to end", text, status=404)
        return see("/account")

    # inside
    async def _session(self, request: Request) -> BrowserSession | None:
        presented = cookie(request, SESSION)

        async def found() -> BrowserSession | None:
            return self._people.sign_in.session(presented)

        return await self._home(found())

    async def _home(self, work: Coroutine[Any, Any, T]) -> T:
        return await self._people.at_home(work)


def device_path(text: str) -> str:
    """Where a code is typed, with this one if it could be one. Whether there is such a code is not looked up."""
    try:
        return f"/device?user_code={parse_user_code(text)}"
    except Refusal:
        return "/device"


def see(path: str) -> Response:
    """303: the form was taken, look there. Only ever to a path of ours."""
    return RedirectResponse(path, 303, headers=HEADERS)


def send_to(url: str) -> Response:
    """303 to the client, at the place it registered."""
    return RedirectResponse(url, 303, headers=HEADERS)


def _secret(text: str) -> Secret:
    return Secret(text.encode("utf-8", "surrogatepass"))


def query(request: Request, name: str) -> str:
    """A parameter of a query where each comes once; of any other there is none."""
    try:
        return parse_form(request.scope.get("query_string", b"")).get(name, "")
    except OAuthError:
        return ""
