"""What the tests of reading share: a clock that is owned, a scripted monday, a board that answers in pages."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from boardlift.monday.client import MondayClient
from boardlift.progress import Silent

TOKEN = "a-token-nobody-may-see"
VERSION = "2026-10"
HEADERS = {"content-type": "application/json", "api-version": VERSION, "x-request-id": "req-1"}

Handler = Callable[[httpx.Request], httpx.Response]


class OwnedClock:
    """A clock that moves only when somebody sleeps, and keeps what was slept."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.seconds += seconds


class Told(Silent):
    """Progress that keeps what it was told."""

    def __init__(self) -> None:
        self.waits: list[tuple[float, str]] = []
        self.phases: list[str] = []
        self.restarts: list[str] = []
        self.items = 0

    def waiting(self, seconds: float, reason: str) -> None:
        self.waits.append((seconds, reason))

    def phase(self, name: str, detail: str = "") -> None:
        self.phases.append(detail)

    def board_restarted(self, board: str, reason: str) -> None:
        self.restarts.append(reason)

    def items_read(self, board: str, items: int) -> None:
        self.items += items


def answer(
    data: object, *, status: int = 200, headers: Mapping[str, str] | None = None, **more: object
) -> httpx.Response:
    """A well-formed answer with `data`, and `errors` or other members if given."""
    body = json.dumps({"data": data, **more}, separators=(",", ":")).encode()
    return httpx.Response(status, headers={**HEADERS, **(headers or {})}, content=body)


def refusal(
    code: str,
    message: str = "refused",
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **extensions: object,
) -> httpx.Response:
    """An answer that is nothing but one error with this code."""
    body = {"errors": [{"message": message, "extensions": {"code": code, **extensions}}]}
    return httpx.Response(status, headers={**HEADERS, **(headers or {})}, content=json.dumps(body).encode())


class Script:
    """Answers in the order written; an exception in the list is raised. Keeps the requests."""

    def __init__(self, *steps: httpx.Response | Exception) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


def client_of(handler: Handler, clock: OwnedClock | None = None, **more: object) -> MondayClient:
    """A client whose network is `handler`."""
    options = {"clock": clock or OwnedClock(), "transport": httpx.MockTransport(handler), **more}
    return MondayClient("https://api.monday.example/v2", TOKEN, VERSION, **options)  # type: ignore[arg-type]


def item(number: int) -> dict[str, object]:
    return {"id": str(number), "name": f"item {number}", "column_values": [{"id": "status", "text": "Done"}]}


@dataclass
class PagedBoard:
    """One board that gives its items in pages; `before` may answer a call in its stead."""

    items: list[dict[str, object]]
    before: Callable[[int, dict[str, object]], httpx.Response | None] = lambda number, variables: None
    calls: list[dict[str, object]] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        variables = json.loads(request.content)["variables"]
        self.calls.append(variables)
        if (instead := self.before(len(self.calls), variables)) is not None:
            return instead
        start = int(str(variables.get("cursor", "at-0")).removeprefix("at-"))
        end = start + int(variables["limit"])
        page = {"cursor": f"at-{end}" if end < len(self.items) else None, "items": self.items[start:end]}
        cost = {"query": 10, "before": 100, "after": 90, "reset_in_x_seconds": 60}
        if "cursor" in variables:
            return answer({"complexity": cost, "next_items_page": page})
        return answer({"complexity": cost, "boards": [{"id": "1", "items_page": page}]})
