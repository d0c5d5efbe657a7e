"""Notes what becomes of each login, from the request to the last refresh (`core/logins.py`). It decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from remit.core.errors import Refusal
from remit.core.logins import LoginBook, Step
from remit.flows.answer_error import AnswerError
from remit.flows.oauth_error import OAuthError
from remit.ports.clock import Clock


@dataclass(slots=True)
class LoginTrace:
    """An empty id is nobody's login: nothing is noted for it."""

    clock: Clock
    book: LoginBook = field(default_factory=LoginBook)

    def begin(self, login: str, parameters: Mapping[str, str]) -> None:
        self.book.begin(login, self.clock.now_s(), parameters)

    def note(self, login: str, step: Step, detail: str = "", *, account: str = "", grant: str = "") -> None:
        if login:
            self.book.note(login, step, self.clock.now_s(), detail, account=account, grant=grant)

    @contextmanager
    def refusals(self, login: str, step: Step = Step.REFUSED) -> Iterator[None]:
        """What is refused inside is noted, and says on whatever page it ends which login it was."""
        try:
            yield
        except AnswerError as answer:
            self.note(login, Step.ERROR_SENT, str(answer))
            raise
        except OAuthError as error:
            self.note(login, step, str(error))
            raise
        except Refusal as refusal:
            refusal.login_id = login
            self.note(login, step, str(refusal))
            raise
