"""Signing in and out: by password, by passkey, and by both where an account or a client demands it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from remit.core.authentication import Acr
from remit.core.authorization_request import AuthorizationError
from remit.core.errors import Invalid, Refusal
from remit.core.logins import Step
from remit.core.reasons import Kind
from remit.core.secret import Secret
from remit.core.sign_in import BrowserSession
from remit.flows.answer_error import AnswerError
from remit.flows.passkeys import Asked
from remit.surfaces.oauth.browser import (
    BROWSER,
    SESSION,
    cookie,
    forget,
    form_token,
    keep,
    new_browser,
    require_own_form,
)
from remit.surfaces.oauth.form import read_form
from remit.surfaces.oauth.pages import People, device_path, guarded, query, said_of, see, send_to
from remit.surfaces.oauth.render import form_target, message, page, passkey_script

# Where a sign-in may lead beside `/account` and a client's question: never to what somebody wrote into a link.
THEN: Final = {"passkeys": "/account/passkeys"}
SAID: Final = {"set": "Your password is set.", "added": "Your passkey is added. Sign in with it."}


def routes(people: People) -> list[Route]:
    pages = _SigningIn(people)
    return [
        Route("/sign-in", guarded(pages.ask, people.origin), methods=["GET"]),
        Route("/sign-in", guarded(pages.by_password, people.origin), methods=["POST"]),
        Route("/sign-in/passkey", guarded(pages.by_passkey, people.origin), methods=["POST"]),
        Route("/sign-out", guarded(pages.sign_out, people.origin), methods=["POST"]),
        Route("/passkey.js", guarded(_script, people.origin), methods=["GET"]),
    ]


async def _script(_request: Request) -> Response:
    return passkey_script()


@dataclass(frozen=True, slots=True)
class _Known:
    """Who sits there already and lacks a passkey's proof, as far as it is known."""

    session: BrowserSession
    entered: bool
    asked: Asked | None
    any: bool


class _SigningIn:
    def __init__(self, people: People) -> None:
        self._people = people
        self._host = urlsplit(people.origin).netloc

    async def ask(self, request: Request) -> Response:
        said = next((text for name, text in SAID.items() if query(request, name)), "")
        return await self._page(request, came_for(lambda name: query(request, name)), said=said)

    async def _page(self, request: Request, brought: Mapping[str, str], **values: Any) -> Response:
        """What is missing: everything, or a passkey beside a password."""
        handle = brought["request"]
        browser = cookie(request, BROWSER) or new_browser()
        demanded = bool(handle) and await self._people.at_home(self._demanded(handle, browser))
        target = await self._people.at_home(self._target(handle, browser))
        known = await self._people.at_home(self._known(request, browser))
        values = {"login": "", **values, "host": self._host}
        values |= {"form": form_token(browser), "came_for": brought, "demanded": demanded, "target": target}
        if known is not None and (not known.entered or demanded):
            if not known.any:
                return _without() if known.entered else see(THEN["passkeys"])
            if known.asked is None:
                return _suspended(known.session.account)
            shown = values | {"account": known.session.account, "asked": known.asked}
            answer = page("passkey_step.html", script=True, **shown)
        else:
            asked = await self._people.at_home(self._asked(browser))
            values = {"name": "", **values, "asked": asked}
            answer = page("sign_in.html", script=asked is not None, **values)
        keep(answer, BROWSER, browser)
        return answer

    async def _demanded(self, handle: str, browser: Secret) -> bool:
        """Whether the client that sent the person here asks for a passkey. What is wrong with its request is told
        later.
        """
        try:
            return self._people.authorize.acr_of(handle, browser) is Acr.PASSKEY
        except (Refusal, AuthorizationError):
            return False

    async def _target(self, handle: str, browser: Secret) -> str:
        """Where the answer goes if signing in is all that it takes."""
        try:
            return form_target(self._people.authorize.unverified_destination(handle, browser))
        except Invalid:
            return ""

    async def _known(self, request: Request, browser: Secret) -> _Known | None:
        sessions, presented = self._people.passkeys.sessions, cookie(request, SESSION)
        session = sessions.half_way(presented) or sessions.entered(presented)
        if session is None:
            return None
        passkeys, account = self._people.passkeys, session.account
        asked = passkeys.ask_to_sign_in(browser, account) if passkeys.usable(account) else None
        return _Known(session, sessions.is_entered(session), asked, bool(passkeys.of(account)))

    async def _asked(self, browser: Secret) -> Asked | None:
        passkeys = self._people.passkeys
        return passkeys.ask_to_sign_in(browser) if passkeys.possible else None

    async def by_password(self, request: Request) -> Response:
        form = await read_form(request)
        browser = require_own_form(request, form, self._people.origin)
        name, typed = form.get("name", ""), form.get("password", "")
        work = self._people.sign_in.sign_in(name, typed, peer=_peer(request), earlier=cookie(request, SESSION))
        try:
            session = await self._people.at_home(self._traced(form, browser, work))
        except Refusal as refusal:
            return await self._again(request, form, refusal, name=name[:256])
        return await self._entered(browser, session, form)

    async def by_passkey(self, request: Request) -> Response:
        form = await read_form(request)
        browser = require_own_form(request, form, self._people.origin)
        work = self._people.passkeys.sign_in(
            browser,
            sealed=form.get("challenge", ""),
            answer=form.get("answer", ""),
            peer=_peer(request),
            earlier=cookie(request, SESSION),
        )
        try:
            session = await self._people.at_home(self._traced(form, browser, work))
        except Refusal as refusal:
            return await self._again(request, form, refusal)
        return await self._entered(browser, session, form)

    async def _traced(self, form: Any, browser: Secret, work: Coroutine[Any, Any, Secret]) -> Secret:
        authorize, sessions = self._people.authorize, self._people.passkeys.sessions
        login = authorize.login_of(form.get("request", ""), browser)
        with authorize.trace.refusals(login, Step.SIGN_IN_FAILED):
            session = await work
        found = sessions.entered(session) or sessions.half_way(session)
        authorize.trace.note(login, Step.SIGNED_IN, account=found.account if found is not None else "")
        return session

    async def _again(self, request: Request, form: Any, refusal: Refusal, **values: Any) -> Response:
        if refusal.kind is Kind.OUTAGE:
            raise refusal
        status, said = refusal.meaning.http_status, said_of(refusal)
        values |= {"said": said, "bad": True, "status": status, "login": refusal.login_id}
        return await self._page(request, came_for(lambda name: str(form.get(name, ""))), **values)

    async def _entered(self, browser: Secret, session: Secret, form: Any) -> Response:
        """A form seen before somebody signed in is not one of theirs, so the browser gets a new cookie. The request it
        came with moves along; why one cannot is said here, to somebody who is signed in all the same.
        """
        fresh, handle = new_browser(), form.get("request", "")

        async def moved() -> str:
            authorize = self._people.authorize
            with authorize.trace.refusals(authorize.login_of(handle, browser)):
                return authorize.moved(handle, browser, fresh)

        try:
            there = device_path(form["device"]) if "device" in form else THEN.get(form.get("then", ""), "/account")
            answer = see(f"/consent?request={await self._people.at_home(moved())}" if handle else there)
        except AnswerError as error:
            answer = send_to(error.url)
        except Refusal as refusal:
            answer = message(
                "Signed in, and no more", said_of(refusal), "Go back to the client.", status=400, login=refusal.login_id
            )
        keep(answer, SESSION, session)
        keep(answer, BROWSER, fresh)
        return answer

    async def sign_out(self, request: Request) -> Response:
        require_own_form(request, await read_form(request), self._people.origin)
        session = cookie(request, SESSION)
        answer = see("/sign-in")
        forget(answer, SESSION)
        forget(answer, BROWSER)
        if session is not None:
            await self._people.at_home(self._people.sign_in.sign_out(session))
        return answer


def came_for(said: Callable[[str], str]) -> dict[str, str]:
    """What the person came for beside signing in, as far as it is something of ours."""
    return {"request": said("request"), "device": said("device"), "then": said("then") if said("then") in THEN else ""}


def _peer(request: Request) -> str:
    return request.client.host if request.client else ""


def _without() -> Response:
    text = "The client asks for a sign-in with a passkey, and you have none yet."
    return message("One thing is missing", text, "Add one at Your passkeys, then go back to the client.", status=403)


def _suspended(account: str) -> Response:
    text = f"This account needs a passkey, and those of {account} are suspended: there may be copies of them."
    return message("Not now", text, "Ask an administrator: remit account recover.", status=403)
