"""The one file that touches the network: one endpoint, kept connections, retries that obey every wait told.

The retry is written out instead of taken from a library: waits must run on the injected clock, a told wait is obeyed
exactly and does not use up a try, and one thread's refusal has to hold back all others.
"""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Self

import httpx

from boardlift import __version__
from boardlift.clock import Clock, SystemClock
from boardlift.errors import (
    AuthRejected,
    BoardliftError,
    BudgetExhausted,
    ConfigError,
    SourceUnavailable,
)
from boardlift.monday.budget import Budget, Permit, stopped
from boardlift.monday.cost import CallStats
from boardlift.monday.failures import NotReached, given_up, redact, translated
from boardlift.monday.limits import Quota
from boardlift.monday.wire import Answer, Request, encode, read_response
from boardlift.progress import Progress, Silent
from boardlift.settings import Secret

__all__ = ["CallStats", "MondayClient", "NotReached"]

CONNECT_TIMEOUT = 10.0
MAX_BODY = 256 * 1024 * 1024
_FIRST_BACKOFF = 1.0
_LONGEST_BACKOFF = 60.0
_SLICE = 0.5


@dataclass
class _Gate:
    """The moment before which no thread may call, for all threads have one budget."""

    opens_at: float = 0.0
    reason: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def close(self, until: float, reason: str) -> None:
        with self.lock:
            if until > self.opens_at:
                self.opens_at, self.reason = until, reason


class MondayClient:
    """Sends requests for one token. Safe to share among threads."""

    def __init__(
        self,
        url: str,
        token: str,
        api_version: str = "2026-10",
        *,
        clock: Clock | None = None,
        progress: Progress | None = None,
        retries: int = 3,
        timeout: float = 60.0,
        max_wait: float = 600.0,
        transport: httpx.BaseTransport | None = None,
        rng: random.Random | None = None,
        budget: Budget | None = None,
    ) -> None:
        """`retries` tries follow a failure without a told wait; told waits are obeyed until `max_wait` seconds in all.
        `budget` governs every call; one with the whole of the account's quotas if none is given.

        Raises ConfigError for a token or URL that cannot be used.
        """
        self.url = url
        self.api_version = api_version
        self._token = Secret(_usable(token))
        self._clock: Clock = clock or SystemClock()
        self._progress: Progress = progress or Silent()
        self.retries = retries
        self._timeout = timeout
        self._max_wait = max_wait
        self._rng = rng or random.Random()  # noqa: S311  jitter, not a secret
        self.budget = budget or Budget(self._clock, progress=self._progress)
        self._gate = _Gate()
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._stats: dict[str, CallStats] = {}
        self._quotas: Mapping[str, Quota] = {}
        self._served_version = ""
        self._server_time: datetime | None = None
        self._seconds = 0.0
        self._http = _open_http(self._token.reveal(), api_version, timeout, transport)

    def __repr__(self) -> str:
        return f"MondayClient({self.url!r}, api_version={self.api_version!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.budget.close()
        self._http.close()

    def cancel(self) -> None:
        """Make every waiting and future `send` end with SourceError; for a run that is being stopped."""
        self._cancelled.set()
        self.budget.cancel()

    @property
    def fingerprint(self) -> str:
        """Tells this token from others without telling it: two may see different items of one board."""
        return hashlib.sha256(f"boardlift {self._token.reveal()}".encode()).hexdigest()

    @property
    def clock(self) -> Clock:
        return self._clock

    @property
    def seconds(self) -> float:
        """How long the latest answer took to come; 0 before the first."""
        return self._seconds

    def now(self) -> datetime:
        """The time by monday's own clock, as of its latest answer; by ours before the first."""
        return self._server_time or self._clock.now()

    @property
    def quotas(self) -> Mapping[str, Quota]:
        """The quotas of the latest answer that told any; {} before."""
        return self._quotas

    @property
    def served_version(self) -> str:
        """The API version of the latest answer; empty before the first."""
        return self._served_version

    @property
    def server_time(self) -> datetime | None:
        """When monday gave its latest answer, by its own clock."""
        return self._server_time

    def stats(self, label: str | None = None) -> CallStats:
        """The cost so far of requests with this label, or of all."""
        with self._lock:
            if label is not None:
                return self._stats.get(label, CallStats())
            return sum(self._stats.values(), CallStats())

    def send(self, request: Request, *, retries: int | None = None) -> Answer:
        """One answer.

        in: the request; `retries`, if given, replaces the client's for this call. raised: what `wire.read_response`
        raises, NotReached when no connection came about, ConfigError for a certificate, proxy or address that
        cannot work.
        """
        allowed = self.retries if retries is None else retries
        tried = 0
        waited = 0.0
        while True:
            outcome = self._attempt(request, self._leave(request), again=tried > 0 or waited > 0)
            if isinstance(outcome, Answer):
                return outcome
            if not isinstance(outcome, BudgetExhausted | SourceUnavailable):
                raise outcome
            backoff = self._backoff(tried)
            wait = backoff if outcome.retry_in is None else max(outcome.retry_in, _SLICE)
            if outcome.retry_in is None:
                tried += 1
            if tried > allowed or waited + wait > self._max_wait:
                raise given_up(outcome, tried, waited, wait, self._max_wait)
            waited += wait
            if isinstance(outcome, BudgetExhausted) or outcome.retry_in is not None:
                self._gate.close(self._clock.monotonic() + wait, outcome.message)
            else:
                self._wait(wait, outcome.message, request.label)

    def _leave(self, request: Request) -> Permit:
        """Wait until the account admits the call, and until a wait that was told to any thread is over."""
        while True:
            self._pass_gate(request)
            permit = self.budget.acquire(request.label, request.points, request.at_most)
            if permit.waited:
                self._add(request.label, CallStats(waited_seconds=permit.waited))
            if self._clock.monotonic() >= self._gate.opens_at:
                return permit
            self.budget.give_back(permit)

    def _attempt(self, request: Request, permit: Permit, *, again: bool) -> Answer | BoardliftError:
        """One call. An error is returned, not raised, so that the HTTP library's exception, which holds the request
        and with it the token, is in no chain."""
        body = b""
        started = self._clock.monotonic()
        answered = False
        outcome: Answer | BoardliftError | None = None
        try:
            try:
                status, headers, body = self._post(encode(request))
                answered = True
                outcome = read_response(status, headers, body, self.api_version)
            except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
                outcome = translated(error, self.url, self._timeout)
            except BoardliftError as error:
                outcome = error.with_traceback(None)
        finally:
            self._seconds = self._clock.monotonic() - started
            _account(self.budget, permit, outcome, answered)
        self._book(request, outcome, len(body), again)
        if isinstance(outcome, BoardliftError):
            redact(outcome, self._token.reveal())
        return outcome

    def _post(self, content: bytes) -> tuple[int, Mapping[str, str], bytes]:
        started = self._clock.monotonic()
        parts: list[bytes] = []
        size = 0
        with self._http.stream("POST", self.url, content=content) as response:
            for part in response.iter_bytes():
                parts.append(part)
                size += len(part)
                if size > MAX_BODY:
                    raise httpx.ReadTimeout(f"more than {MAX_BODY >> 20} MB came")
                # httpx limits the wait for each piece; a body that drips would never end.
                if self._clock.monotonic() - started > 2 * self._timeout:
                    raise httpx.ReadTimeout("the body did not end")
        # The response and its stream hold each other, and with them the decoder's 40 KB, until the next collection.
        response.stream = httpx.ByteStream(b"")
        return response.status_code, dict(response.headers), b"".join(parts)

    def _book(self, request: Request, outcome: Answer | BoardliftError, size: int, again: bool) -> None:
        points = outcome.complexity.query if isinstance(outcome, Answer) and outcome.complexity else 0
        self._add(request.label, CallStats(calls=1, points=points, bytes=size, retries=int(again)))
        if isinstance(outcome, Answer):
            self._quotas = outcome.quotas or self._quotas
            self._served_version, self._server_time = outcome.served_version, outcome.answered_at

    def _add(self, label: str, cost: CallStats) -> None:
        with self._lock:
            self._stats[label] = self._stats.get(label, CallStats()) + cost

    def _pass_gate(self, request: Request) -> None:
        while True:
            if self._cancelled.is_set():
                raise stopped()
            with self._gate.lock:
                left, reason = self._gate.opens_at - self._clock.monotonic(), self._gate.reason
            if left <= 0:
                return
            self._wait(left, reason, request.label)

    def _wait(self, wait: float, reason: str, label: str) -> None:
        """Sleep in slices, so that a run that is stopped need not sleep to the end."""
        self._progress.waiting(wait, reason)
        until = self._clock.monotonic() + wait
        while (left := until - self._clock.monotonic()) > 0 and not self._cancelled.is_set():
            self._clock.sleep(min(left, _SLICE))
        self._add(label, CallStats(waited_seconds=wait))

    def _backoff(self, tried: int) -> float:
        ceiling = min(_FIRST_BACKOFF * 2**tried, _LONGEST_BACKOFF)
        return float(ceiling * (0.75 + self._rng.random() / 2))


def _account(budget: Budget, permit: Permit, outcome: Answer | BoardliftError | None, answered: bool) -> None:
    """Tell the budget how a call ended. One that may have been answered unseen has cost what was set aside for it."""
    if isinstance(outcome, Answer):
        budget.settle(permit, complexity=outcome.complexity, quotas=outcome.quotas)
    elif isinstance(outcome, BudgetExhausted):
        budget.refused(permit, outcome.code, outcome.retry_in or 0.0)
    else:
        budget.settle(permit, cost=0 if answered or isinstance(outcome, NotReached) else None)


def _open_http(token: str, api_version: str, timeout: float, transport: httpx.BaseTransport | None) -> httpx.Client:
    headers = {
        "Authorization": token,
        "API-Version": api_version,
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": f"boardlift/{__version__}",
    }
    return httpx.Client(
        headers=headers,
        timeout=httpx.Timeout(timeout, connect=min(CONNECT_TIMEOUT, timeout)),
        limits=httpx.Limits(max_connections=100, max_keepalive_connections=40, keepalive_expiry=30.0),
        transport=transport,
        follow_redirects=False,  # a redirect would carry the token to whoever is named in it
    )


def _usable(token: str) -> str:
    token = token.strip()
    if not token:
        raise AuthRejected("There is no API token.", hint="export MONDAY_API_TOKEN=... or run `boardlift init`")
    if not token.isascii() or any(not " " < mark <= "~" for mark in token):
        raise ConfigError(
            "The API token holds a blank or a character no token has.",
            hint="copy it again (monday.com: your avatar > Developers > API token), without quotes or line breaks",
        )
    return token
