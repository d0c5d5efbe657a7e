"""A client sends a person here to ask whether it may act for them (RFC 6749 section 4.1, OAuth 2.1).

    1 the request is right: who asks, where the answer goes, what for     2 the person signs in
    3 the person sees what a yes would grant, never wider than asked       4 yes: consent, then code; no: an error

Until the person has said yes nothing is stored: the request waits sealed in the browser, bound to it, for ten minutes,
and is checked from the start at each step, so that a client that was withdrawn meanwhile gets nothing.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from remit.core.authentication import Acr
from remit.core.authorization_request import (
    AuthorizationError,
    AuthorizationRequest,
    DeviceRequest,
    ErrorCode,
    Prompt,
    Resources,
    ReturnAddress,
    acr_asked,
    asked,
    asked_by_device,
    return_address,
)
from remit.core.consent import Consent, covers, given
from remit.core.errors import Denied, refuse
from remit.core.grant import Grant
from remit.core.grantbook import Selector
from remit.core.logins import Step
from remit.core.reasons import Reason
from remit.core.rows import row_id
from remit.core.scope import within
from remit.core.secret import Secret
from remit.core.sign_in import BrowserSession
from remit.flows.answer_error import AnswerError, answer_url
from remit.flows.codes import Codes, code_for
from remit.flows.consents import Consents
from remit.flows.create_grant import CreateGrant
from remit.flows.device_requests import DeviceRequests
from remit.flows.grant_requests import ConsentRequest
from remit.flows.login_trace import LoginTrace
from remit.flows.pending import REQUEST_S, Choice, Pending, question_of, terms_of
from remit.flows.self_described import SelfDescribed
from remit.ports.clock import Clock, Entropy
from remit.ports.sealer import Sealer, Unsealed

SEALED_FOR: Final = "authorization request"
CODE_BYTES: Final = 32
# What a yes stands for when nobody says how long.
CONSENT_S: Final = 7_776_000.0
# The page that says that the device knows now.
DEVICE_ANSWERED: Final = "/device?answered=1"
UNSTATED: Final = "not stated yet"


@dataclass(slots=True)
class Authorize:
    """The walk, its ports and what it keeps."""

    create: CreateGrant
    sealer: Sealer
    clock: Clock
    entropy: Entropy
    described: SelfDescribed
    devices: DeviceRequests
    consents: Consents
    codes: Codes
    trace: LoginTrace = field(init=False)

    def __post_init__(self) -> None:
        self.trace = LoginTrace(self.clock)

    async def load(self) -> None:
        """At a start. Raises `Outage` if a row is not whole."""
        await self.codes.load()
        await self.consents.load()
        await self.devices.load()

    # 1 the request ----------------------------------------------------------------------------------------------
    def begin(self, parameters: Mapping[str, str], browser: Secret, *, pushed: bool = False) -> str:
        """The request, sealed to this browser. `pushed`: the client itself brought it here (RFC 9126), and no browser.
        Raises `Invalid`, which is shown and goes nowhere, and `AnswerError`. A client that describes itself is looked
        at only when somebody has signed in.
        """
        login = self.entropy.id("req")
        self.trace.begin(login, parameters)
        with self.trace.refusals(login):
            if not self.described.concerns(parameters.get("client_id", "")):
                self._checked(parameters, pushed=pushed)
        begun = {"id": login, "at": self.clock.now_s(), "pushed": pushed}
        return self._sealed(begun | {"parameters": dict(parameters)}, browser)

    def begin_for_device(self, device: str, browser: Secret) -> str:
        """The same for what a device has asked for, in whichever browser its code is typed. Raises `Invalid`."""
        login, parameters = self.entropy.id("req"), self.devices.waiting(device).parameters
        self.trace.begin(login, parameters)
        begun = {"id": login, "at": self.clock.now_s(), "pushed": False}
        return self._sealed(begun | {"device": device, "parameters": parameters}, browser)

    async def introduced(self, handle: str, browser: Secret, session: BrowserSession | None) -> bool:
        """Whether the request can be opened now: a client that describes itself is read first, for somebody who has
        signed in. Raises what it is refused for, and `Invalid` as `opened` does.
        """
        client_id = self._unsealed(handle, browser)["parameters"].get("client_id", "")
        if not self.described.concerns(client_id):
            return True
        if session is not None:
            await self.described.require_admitted(client_id, session)
        return session is not None

    def opened(self, handle: str, browser: Secret) -> Pending:
        """The request again, as good as new. Raises `Invalid` for another browser's and one too old, and what `begin`
        raises.
        """
        content = self._unsealed(handle, browser)
        if "device" in content:
            return Pending(content["id"], content["at"], self._of_device(content["device"]))
        return Pending(content["id"], content["at"], self._checked(content["parameters"], pushed=content["pushed"]))

    def moved(self, handle: str, browser: Secret, to: Secret) -> str:
        """The request bound to the same browser's next cookie, when somebody signs in. Raises what `begin` does, and
        `Invalid` as `opened` does.
        """
        content = self._unsealed(handle, browser)
        if "device" not in content and not self.described.concerns(content["parameters"].get("client_id", "")):
            self._checked(content["parameters"], pushed=content["pushed"])
        return self._sealed(content, to)

    def login_of(self, handle: str, browser: Secret) -> str:
        """The id of the request in this handle, however old; empty if it was not begun in this browser."""
        try:
            return str(json.loads(self.sealer.open(SEALED_FOR, handle, bound_to=browser.expose()))["id"])
        except Unsealed:
            return ""

    def acr_of(self, handle: str, browser: Secret) -> Acr:
        """How sure the client wants it to be who answers, whoever it is. Raises what `opened` does."""
        content = self._unsealed(handle, browser)
        if "device" in content:
            return self._of_device(content["device"]).acr
        parameters, registry = content["parameters"], self.create.registry
        return registry.administration.at_least(parameters.get("resource", ""), acr_asked(parameters, registry.issuer))

    def unverified_destination(self, handle: str, browser: Secret) -> str:
        """Where the client wants its answer, checked or not. Raises `Invalid` as `opened` does."""
        return str(self._unsealed(handle, browser)["parameters"].get("redirect_uri", ""))

    def _sealed(self, content: Mapping[str, Any], browser: Secret) -> str:
        return self.sealer.seal(SEALED_FOR, json.dumps(content).encode("ascii"), bound_to=browser.expose())

    def _unsealed(self, handle: str, browser: Secret) -> dict[str, Any]:
        try:
            content: dict[str, Any] = json.loads(self.sealer.open(SEALED_FOR, handle, bound_to=browser.expose()))
        except Unsealed:
            raise refuse(Reason.INVALID_REQUEST_STATE, "this request was not begun in this browser") from None
        if not 0 <= self.clock.now_s() - content["at"] < REQUEST_S:
            raise refuse(Reason.INVALID_REQUEST_STATE, "it took longer than ten minutes; go back to the client")
        return content

    def _checked(self, parameters: Mapping[str, str], *, pushed: bool) -> AuthorizationRequest:
        address = return_address(parameters, self.create.registry.clients)
        try:
            request = asked(address, parameters, self.create.registry.resources)
            if address.client.require_par and not pushed:
                raise AuthorizationError(ErrorCode.INVALID_REQUEST, "this client pushes its requests first (RFC 9126)")
            return replace(request, acr=self.create.registry.administration.at_least(request.resource, request.acr))
        except AuthorizationError as error:
            raise self._answer_error(address, error.error, error.description) from None

    def _of_device(self, device: str) -> DeviceRequest:
        """Whoever is registered for devices no longer, or was answered already, is asked for no more."""
        kept, registry = self.devices.waiting(device), self.create.registry
        client = registry.clients.get(kept.client)
        if client is None or not client.device or device in self.codes.known:
            raise refuse(Reason.USER_CODE_INVALID)
        try:
            return asked_by_device(client, device, kept.parameters, Resources(registry.issuer))
        except AuthorizationError as error:
            raise refuse(Reason.USER_CODE_INVALID, error.description) from error

    # 2 the person -----------------------------------------------------------------------------------------------
    def needs_sign_in(self, pending: Pending, session: BrowserSession | None) -> bool:
        """Whether the person has to (again). With `prompt=none` nobody is asked anything: raises `AnswerError`."""
        needs = session is None or self._again(pending, session)
        if needs and Prompt.NONE in pending.request.prompts:
            raise self.answer_error(pending, ErrorCode.LOGIN_REQUIRED, "the person has to sign in")
        return needs

    def _again(self, pending: Pending, session: BrowserSession) -> bool:
        if session.authentication.acr.level < pending.request.acr.level:
            return True
        again = bool({Prompt.LOGIN, Prompt.SELECT_ACCOUNT} & pending.request.prompts)
        age_s = self.clock.now_s() - session.signed_in_at_s
        return (again or age_s > pending.request.max_age_s) and session.signed_in_at_s < pending.begun_at_s

    def answer_error(self, pending: Pending, error: ErrorCode, description: str) -> AnswerError:
        """An error for the client of this request."""
        if isinstance(pending.request, DeviceRequest):
            return AnswerError(DEVICE_ANSWERED, error.value, description)
        return self._answer_error(pending.request.address, error, description)

    # 3 the question ---------------------------------------------------------------------------------------------
    def environments(self, pending: Pending, session: BrowserSession) -> dict[str, Grant]:
        """What a yes would grant, by environment; none where it would be nothing."""
        found: dict[str, Grant] = {}
        for environment in sorted(self.create.registry.environments_at(pending.request.resource)):
            try:
                found[environment] = self.offered(pending, session, environment)
            except Denied:
                continue
        return found

    def why_nothing(self, pending: Pending, session: BrowserSession) -> str:
        """Why a yes would grant nothing anywhere, for who looks into it; the person is not told of others' rules."""
        found: dict[str, None] = {}
        for environment in sorted(self.create.registry.environments_at(pending.request.resource)):
            try:
                self.offered(pending, session, environment)
            except Denied as refusal:
                found[refusal.detail] = None
        client, servers = pending.request.client.id, self.create.catalog().servers
        if any(self.create.forbids(session.tenant, client, server) for server in servers):
            found["an administrator forbids this client servers: remit consent rules"] = None
        return "; ".join(found)

    def offered(self, pending: Pending, session: BrowserSession, environment: str) -> Grant:
        """The most a yes would grant there. Raises `Invalid`, `Denied`."""
        return self.create.preview(self._request(pending, session, environment))

    def _request(self, pending: Pending, session: BrowserSession, environment: str) -> ConsentRequest:
        scopes, constraints, budget, purpose, ttl_s = terms_of(pending.request)
        return ConsentRequest(
            account=session.account,
            client=pending.request.client.id,
            resource=pending.request.resource,
            environment=environment,
            purpose=purpose or UNSTATED,
            scopes=scopes,
            constraints=constraints,
            ttl_s=ttl_s,
            budget=budget,
            authentication=session.authentication,
        )

    # 4 the answer -----------------------------------------------------------------------------------------------
    async def agree(self, pending: Pending, session: BrowserSession, choice: Choice, *, device: str = "") -> str:
        """Where the browser goes, with the code unless that waits for a device. The consent is on record, durably,
        before there is a code. `device` is the browser in which it stands again. Raises `Invalid`, `Denied` for a
        choice wider than the question, `Outage`.
        """
        grant = self.preview(pending, session, choice)
        now_s = self.clock.now_s()
        consent = given(
            question_of(grant, pending), id=self.entropy.id("con"), now_s=now_s, expires_at_s=now_s + CONSENT_S,
            device=device,
        )  # fmt: skip
        return await self._answered(pending, consent, grant, self.consents.keep)

    async def agree_as_before(
        self, pending: Pending, session: BrowserSession, choice: Choice, consent: Consent, *, silent: bool
    ) -> str:
        """The same on a consent that there is already, or that an administrator gave for the person. Raises what
        `agree` does, and `Invalid` if it does not cover the choice.
        """
        grant = self.preview(pending, session, choice)
        if not covers(consent, question_of(grant, pending), now_s=self.clock.now_s()):
            raise refuse(Reason.INVALID_PARAMS, "what was agreed to before does not cover this")
        again = partial(self.consents.used, silent=silent)
        keep = again if consent.id in self.consents.known else self.consents.keep
        return await self._answered(pending, consent, grant, keep)

    def preview(self, pending: Pending, session: BrowserSession, choice: Choice) -> Grant:
        """What the choice would grant. Raises `Invalid`, `Denied`."""
        offered = self.offered(pending, session, choice.environment)
        if not choice.scopes:
            raise refuse(Reason.INVALID_PARAMS, "choose at least one thing that it may use, or do not allow it")
        if not within(choice.scopes, offered.scopes):
            raise refuse(Reason.OUTSIDE_GRANT, "more was chosen than was asked for")
        consented = replace(
            self._request(pending, session, choice.environment),
            scopes=choice.scopes,
            constraints=offered.constraints,  # of the purpose that was asked for too: another one keeps its limits
            budget=offered.budget,
            purpose=choice.purpose,
            purpose_class=choice.purpose_class,
            ttl_s=min(choice.ttl_s, offered.expires_at_s - offered.created_at_s),
        )
        return self.create.preview(consented)

    async def _answered(
        self, pending: Pending, consent: Consent, grant: Grant, keep: Callable[..., Awaitable[None]]
    ) -> str:
        self._require_unanswered(pending)
        kept = code_for(grant, pending, consent=consent.id, issued_at_s=self.clock.now_s())
        id, url = self._held(pending.request)
        await self.codes.keep(id, kept, recorded=keep(consent, login=pending.id))
        self.trace.note(pending.id, Step.AGREED, account=grant.subject.id)
        return url

    async def decline(self, pending: Pending, session: BrowserSession) -> str:
        """Where the browser goes with the person's no. Raises `Invalid` after their yes, `Outage`."""
        self._require_unanswered(pending)
        request = pending.request
        if isinstance(request, DeviceRequest):
            self._of_device(request.device)
            await self.devices.decline(request.device)
        await self.consents.declined(session.account, session.tenant, request.client.id, login=pending.id)
        return self.answer_error(pending, ErrorCode.ACCESS_DENIED, "the person said no").url

    async def take_back(self, consent_id: str) -> None:
        """No code becomes a grant on it, or on one it replaced, from now on; what was granted is ended by the caller.
        Raises `Outage`, and then it is taken back here all the same, and `sweep` stores that.
        """
        await self.consents.take_back(consent_id)

    def void(self, selector: Selector, tenants: frozenset[str]) -> None:
        """No code that was given and not exchanged becomes a grant that the selector names, as `Codes` says."""
        self.codes.void(selector, tenants, self.create.registry.accounts)

    async def sweep(self) -> None:
        """Forget codes whose request could not be answered again, and consents that are over. Raises `Outage`."""
        await self.codes.sweep()
        await self.consents.sweep({code.consent for code in self.codes.known.values()})

    # inside -----------------------------------------------------------------------------------------------------
    def _require_unanswered(self, pending: Pending) -> None:
        if self.codes.answers(pending.id):
            raise refuse(Reason.INVALID_REQUEST_STATE, "it was answered already; go back to the client")

    def _held(self, request: AuthorizationRequest | DeviceRequest) -> tuple[str, str]:
        """The row of the code, and where the browser goes. A device holds its code; anybody else is sent one."""
        if isinstance(request, DeviceRequest):
            self._of_device(request.device)
            return request.device, DEVICE_ANSWERED
        code = Secret(self.entropy.bytes(CODE_BYTES).hex().encode("ascii"))
        answer = {"code": code.expose().decode("ascii")}
        return row_id(code), answer_url(request.address, answer, self.create.registry.issuer)

    def _answer_error(self, address: ReturnAddress, error: ErrorCode, description: str) -> AnswerError:
        answer = {"error": error.value, "error_description": description}
        url = answer_url(address, answer, self.create.registry.issuer)
        return AnswerError(url, error.value, description)
