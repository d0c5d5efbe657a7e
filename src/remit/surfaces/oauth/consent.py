"""The question: a client has sent a person here, who is shown what a yes would grant, never more than was asked."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from remit.core.act_words import WORDS
from remit.core.administration import acts_of
from remit.core.authorization_details import Asked
from remit.core.authorization_request import SCOPES_MAX, DeviceRequest
from remit.core.catalog import ItemKind
from remit.core.errors import Invalid, Refusal
from remit.core.grant import Calls, Grant
from remit.core.logins import Step
from remit.core.principals import Attestation
from remit.core.reasons import Kind, Reason
from remit.core.redirects import shown
from remit.core.rows import row_id
from remit.core.scope import OneTool, Scope
from remit.core.sign_in import BrowserSession
from remit.flows.answer_error import AnswerError
from remit.flows.authorize import UNSTATED
from remit.flows.oauth_error import OAuthError
from remit.flows.pending import Choice, Pending
from remit.flows.remembered import Remembered
from remit.surfaces.oauth.browser import (
    BROWSER,
    DEVICE,
    DEVICE_S,
    SESSION,
    cookie,
    form_token,
    keep,
    new_browser,
    require_own_form,
)
from remit.surfaces.oauth.form import FIELDS_MAX, parse_form, read_form
from remit.surfaces.oauth.pages import People, guarded, query, said_of, see, send_to
from remit.surfaces.oauth.render import form_target, lasting, limits_shown, message, page, remembered_shown

HOURS: Final = (1, 2, 4, 8)
TOOLS_NAMED_MAX: Final = 40
NOTHING_REACHED: Final = "the account reaches nothing of what is asked for"
ANSWERS_MAX: Final = SCOPES_MAX + FIELDS_MAX  # a tick for each scope a request may name
ATTESTED: Final = {
    Attestation.NONE: "Whether it is what it says is not verified.",
    Attestation.REGISTERED: "It is registered here and proves who it is with its own key or secret.",
    Attestation.METADATA_DOCUMENT: "It describes itself at that domain, which is verified; what it says is not.",
}


def routes(people: People) -> list[Route]:
    pages = _Consent(people)
    return [
        Route("/authorize", guarded(pages.begin, people.origin), methods=["GET", "POST"]),
        Route("/consent", guarded(pages.ask, people.origin), methods=["GET"]),
        Route("/consent", guarded(pages.answer, people.origin), methods=["POST"]),
    ]


class _Consent:
    def __init__(self, people: People) -> None:
        self._people = people
        self._authorize = people.authorize

    async def begin(self, request: Request) -> Response:
        """RFC 6749 section 3.1: by GET or POST. Nothing is believed of who sent it, so nothing happens but a page."""
        try:
            if request.method == "POST":
                parameters = await read_form(request)
            else:
                parameters = parse_form(request.scope.get("query_string", b""))
        except OAuthError as error:
            return message("Not understood", error.description, status=400)
        browser = cookie(request, BROWSER) or new_browser()

        async def begun() -> str:
            if "request_uri" not in parameters:
                return self._authorize.begin(parameters, browser)
            return self._authorize.begin(await self._people.push.take(parameters), browser, pushed=True)

        try:
            handle = await self._people.at_home(begun())
        except Invalid as refusal:
            text = "The client that sent you here asked in a way that cannot be answered. Nothing was granted."
            used, login = refusal.reason is Reason.REQUEST_URI_INVALID, refusal.login_id
            next = "Go back to the client and begin again." if used else "Tell whoever runs the client."
            return message("Not possible", f"{text} {said_of(refusal)}", next, status=400, login=login)
        except AnswerError as error:
            return send_to(error.url)
        answer = see(f"/consent?request={handle}")
        keep(answer, BROWSER, browser)
        return answer

    async def ask(self, request: Request) -> Response:
        handle = query(request, "request")
        browser = cookie(request, BROWSER)
        if browser is None:
            return _elsewhere()
        try:
            opened = await self._opened(request, handle)
        except AnswerError as error:
            return send_to(error.url)
        if opened is None:
            return see(f"/sign-in?request={handle}")
        try:
            quietly = self._people.remember.without_asking(*opened, _device(request))
            url = await self._people.at_home(self._traced(opened[0], quietly))
        except AnswerError as error:
            return send_to(error.url)
        return send_to(url) if url else await self._page(request, handle, *opened)

    async def answer(self, request: Request) -> Response:
        form = await read_form(request, fields_max=ANSWERS_MAX)
        require_own_form(request, form, self._people.origin)
        handle = form.get("request", "")
        try:
            opened = await self._opened(request, handle)
        except AnswerError as error:
            return send_to(error.url)
        if opened is None:
            return see(f"/sign-in?request={handle}")
        pending, session = opened
        if form.get("answer") != "yes":
            return send_to(await self._people.at_home(self._declined(pending, session)))
        try:
            return await self._said_yes(request, pending, session, form)
        except Refusal as refusal:
            if refusal.kind is Kind.OUTAGE or refusal.reason is Reason.INVALID_REQUEST_STATE:
                raise
            return await self._page(request, handle, pending, session, form=form, refusal=refusal)

    async def _said_yes(self, request: Request, pending: Pending, session: BrowserSession, form: Any) -> Response:
        """A new yes stands again in this browser, which keeps a cookie of its own for that."""
        if form.get("as") == "before":
            again = self._people.remember.with_one_click(pending, session, _device(request))
            return send_to(await self._people.at_home(self._traced(pending, again)))
        choice, device = await self._choice(pending, session, form), cookie(request, DEVICE) or new_browser()
        agreed = self._authorize.agree(pending, session, choice, device=row_id(device))
        answer = send_to(await self._people.at_home(self._traced(pending, agreed)))
        keep(answer, DEVICE, device, max_age_s=DEVICE_S)
        return answer

    async def _remembered(self, request: Request, pending: Pending, session: BrowserSession) -> dict[str, Any] | None:
        async def found() -> Remembered | None:
            return self._people.remember.found(pending, session, _device(request))

        remembered = await self._people.at_home(found())
        return remembered_shown(remembered.consent, remembered.choice) if remembered is not None else None

    async def _traced(self, pending: Pending, work: Coroutine[Any, Any, str]) -> str:
        with self._authorize.trace.refusals(pending.id):
            return await work

    async def _declined(self, pending: Pending, session: BrowserSession) -> str:
        url = await self._authorize.decline(pending, session)
        self._authorize.trace.note(pending.id, Step.DECLINED, account=session.account)
        return url

    async def _opened(self, request: Request, handle: str) -> tuple[Pending, BrowserSession] | None:
        """The request, and who answers it; None if they have to sign in first."""
        browser, presented = cookie(request, BROWSER), cookie(request, SESSION)

        async def opened() -> tuple[Pending, BrowserSession] | None:
            session = self._people.sign_in.session(presented)
            if not await self._authorize.introduced(handle, browser or new_browser(), session):
                return None
            pending = self._authorize.opened(handle, browser or new_browser())
            if self._authorize.needs_sign_in(pending, session) or session is None:
                return None
            return pending, session

        async def traced() -> tuple[Pending, BrowserSession] | None:
            login = self._authorize.login_of(handle, browser or new_browser())
            with self._authorize.trace.refusals(login):
                found = await opened()
            if found is None:
                self._authorize.trace.note(login, Step.SIGN_IN_NEEDED)
            return found

        return await self._people.at_home(traced())

    async def _choice(self, pending: Pending, session: BrowserSession, form: Any) -> Choice:
        offers = await self._offers(pending, session)
        offered = offers.get(form.get("environment", ""))
        ticked = {scope for scope in (offered.scopes if offered else ()) if form.get(f"scope-{scope}") == "yes"}
        ttl_s = form.get("ttl_s", "")
        purpose = form.get("purpose", "").strip()
        return Choice(
            scopes=frozenset(ticked),
            environment=form.get("environment", ""),
            purpose=purpose,
            purpose_class=purpose if purpose in self._authorize.create.registry.purposes else "",
            ttl_s=float(ttl_s if ttl_s in {str(each) for each, _ in durations(offered)} else 0),
        )

    async def _offers(self, pending: Pending, session: BrowserSession, *, showing: bool = False) -> dict[str, Grant]:
        async def offers() -> dict[str, Grant]:
            found = self._authorize.environments(pending, session)
            if not found:
                why = f"{NOTHING_REACHED}: {self._authorize.why_nothing(pending, session)}"
                self._authorize.trace.note(pending.id, Step.REFUSED, why, account=session.account)
            elif showing:
                self._authorize.trace.note(pending.id, Step.ASKED, account=session.account)
            return found

        return await self._people.at_home(offers())

    async def _page(
        self,
        request: Request,
        handle: str,
        pending: Pending,
        session: BrowserSession,
        *,
        form: Any = None,
        refusal: Refusal | None = None,
    ) -> Response:
        offers, asking = await self._offers(pending, session, showing=True), pending.request
        browser = cookie(request, BROWSER)
        if browser is None:
            return _elsewhere()
        if not offers:
            text = f"{asking.client.id} asks for something that your account does not reach. Nothing was granted."
            advice = "Ask an administrator what your account may use."
            return message("Not possible", text, advice, status=403, login=pending.id)
        environment = (form or {}).get("environment", "")
        environment = environment if environment in offers else next(iter(offers))
        grant = offers[environment]
        stated = "" if grant.purpose.text == UNSTATED else grant.purpose.text
        lasting = durations(grant)
        values: dict[str, Any] = {
            "client": asking.client.name or asking.client.id,
            "domain": asking.client.domain,
            "device": isinstance(asking, DeviceRequest),
            "redirect": None if isinstance(asking, DeviceRequest) else shown(asking.destination),
            "attested": ATTESTED[asking.client.attestation],
            "administers": self._administers(pending),
            "account": session.account,
            "tenant": session.tenant,
            "request": handle,
            "login": pending.id,
            "scopes": [self._scope(pending, scope, form) for scope in sorted(grant.scopes, key=str)],
            "limits": limits_shown(grant),
            "calls_max": grant.budget.calls_max if isinstance(grant.budget, Calls) else 0,
            "environments": list(offers),
            "environment": environment,
            "purpose": (form or {}).get("purpose", stated),
            "purposes": sorted(self._authorize.create.registry.purposes),
            "durations": lasting,
            "ttl_s": (form or {}).get("ttl_s", str(lasting[-1][0])),
            "before": None if form else await self._remembered(request, pending, session),
            "said": said_of(refusal) if refusal is not None else "",
            "bad": refusal is not None,
        }
        target = "" if isinstance(asking, DeviceRequest) else form_target(asking.destination)
        status = 400 if refusal is not None else 200
        return page("consent.html", status=status, target=target, form=form_token(browser), **values)

    def _administers(self, pending: Pending) -> bool:
        return self._authorize.create.registry.administration.is_for(pending.request.resource)

    def _scope(self, pending: Pending, scope: Scope, form: Any) -> dict[str, Any]:
        """Ticked if the client named it or its endpoint is all there is; at `/mcp` nothing unnamed is."""
        if self._administers(pending):
            named = isinstance(pending.request.asked, Asked)
            ticked = named if form is None else form.get(f"scope-{scope}") == "yes"
            return {
                "name": str(scope),
                "about": "; ".join(WORDS[act] for act in acts_of(frozenset({scope}))),
                "ticked": ticked,
            }
        server = self._authorize.create.catalog().servers.get(scope.server)
        tools = sorted(name for kind, name in server.items if kind is ItemKind.TOOL) if server else []
        more = f" and {len(tools) - TOOLS_NAMED_MAX} more" if len(tools) > TOOLS_NAMED_MAX else ""
        about = "one tool" if isinstance(scope, OneTool) else f"all of it: {', '.join(tools[:TOOLS_NAMED_MAX])}{more}"
        shared = f"{self._authorize.create.registry.issuer}/mcp"
        named = isinstance(pending.request.asked, Asked) or pending.request.resource != shared
        ticked = named if form is None else form.get(f"scope-{scope}") == "yes"
        return {"name": str(scope), "about": about, "ticked": ticked}


def durations(grant: Grant | None) -> list[tuple[int, str]]:
    """How long the person may let it last, in seconds and in words: never longer than was asked for."""
    if grant is None:
        return []
    lasts_s = int(grant.expires_at_s - grant.created_at_s)
    hours = [3600 * each for each in HOURS if 3600 * each <= lasts_s]
    return [(each, lasting(each)) for each in hours or [lasts_s]]


def _device(request: Request) -> str:
    """Under what this browser's consents are kept; empty for a browser that gave none."""
    device = cookie(request, DEVICE)
    return row_id(device) if device is not None else ""


def _elsewhere() -> Response:
    text = "This request was not begun in this browser, or cookies are off."
    return message("Not from here", text, "Go back to the client and begin again.", status=400)
