"""Webhooks of a sandbox: subscriptions with a challenge, and deliveries that are tried again (FACTS 14)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import cast
from urllib.parse import urlsplit
from uuid import uuid4

from .board import Board
from .directory import ACCOUNT_ID
from .hook_body import event_of
from .kinds.base import Record, dumps
from .options import SandboxOptions
from .timing import Clock

TIMEOUT = 10.0
TOKEN_LIFE = 300
NAP = 5.0  # seconds between two looks, while a delivery waits for its next try, whether the sandbox still runs
LONGEST_URL = 255


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is told of a board's events. With a secret, posts carry a token signed with it."""

    id: int
    board: int
    url: str
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event on its way; `tries` failed so far, the next one is due at that time of the sandbox's clock."""

    to: Subscription
    body: bytes
    tries: int = 0
    due: float = 0.0


class Hooks:
    """The subscriptions of one server. Events are posted one after the other, in order; failed ones come again."""

    def __init__(self, options: SandboxOptions, clock: Clock) -> None:
        """Nobody is told anything at first."""
        self._options, self._clock = options, clock
        self._held: dict[int, Subscription] = {}
        self._lock, self._closed = Lock(), Event()
        self._fresh: SimpleQueue[Delivery | None] = SimpleQueue()
        self._again: SimpleQueue[Delivery | None] = SimpleQueue()
        self._threads: list[Thread] = []
        self.counts: Counter[str] = Counter()

    @property
    def closed(self) -> bool:
        """Whether nothing is delivered any more."""
        return self._closed.is_set()

    def subscribe(self, board: int, url: str, secret: str | None = None) -> int:
        """Tell a URL of a board's events, if it echoes the challenge: the subscription's id, else ValueError."""
        if len(url) > LONGEST_URL:
            raise ValueError(f"a webhook's URL has at most {LONGEST_URL} characters")
        challenge = uuid4().hex
        found = Subscription(0, board, url, secret)
        status, answer = post(found, dumps({"challenge": challenge}).encode())
        try:
            echo = cast("Record", json.loads(answer)).get("challenge")
        except (ValueError, AttributeError):
            echo = None
        if status != 200 or echo != challenge:
            raise ValueError(f"{url} did not echo the challenge: HTTP {status or 'not reached'}")
        with self._lock:
            identity = 150_881_106 + len(self._held) + self.counts["unsubscribed"]
            self._held[identity] = Subscription(identity, board, url, secret)
            if not self._threads:
                self._threads = [self._start(self._deliver), self._start(self._deliver_again)]
        return identity

    def unsubscribe(self, subscription: int) -> None:
        """Stop telling; what is on its way still comes."""
        with self._lock:
            del self._held[subscription]
            self.counts["unsubscribed"] += 1

    def heard(self, board: Board, row: Record, told: Record) -> None:
        """An event happened: send it to those who subscribed to the board, or to the board above its subitems."""
        boards = {board.id, board.parent.id if board.parent is not None else board.id}
        with self._lock:
            wanted = [found for found in self._held.values() if found.board in boards]
        event = event_of(board, row, told) if wanted else None
        if event is None:
            return
        for found in wanted:
            self.counts["events"] += 1
            self._fresh.put(Delivery(found, dumps({"event": {**event, "subscriptionId": found.id}}).encode()))

    def record(self) -> Record:
        """How many events there were, and how many posts of them arrived, failed, and were given up."""
        return {name: self.counts[name] for name in ("events", "delivered", "failed", "lost")}

    def close(self) -> None:
        """Deliver nothing more."""
        self._closed.set()
        self._fresh.put(None)
        self._again.put(None)

    def _start(self, work: Callable[[], None]) -> Thread:
        thread = Thread(target=work, daemon=True, name="sandbox-webhooks")
        thread.start()
        return thread

    def _deliver(self) -> None:
        while (delivery := self._fresh.get()) is not None:
            self._try(delivery)

    def _deliver_again(self) -> None:
        # Every wait is as long as the others, so the first in the queue is the first that is due.
        while (delivery := self._again.get()) is not None:
            while not self._closed.is_set() and (left := delivery.due - self._clock.monotonic()) > 0:
                self._clock.sleep(min(left, NAP))
            self._try(delivery)

    def _try(self, delivery: Delivery) -> None:
        if self._closed.is_set():
            return
        status, _answer = post(delivery.to, delivery.body)
        if 200 <= status < 300:
            self.counts["delivered"] += 1
            return
        self.counts["failed"] += 1
        if delivery.tries >= self._options.webhook_retries:
            self.counts["lost"] += 1
            return
        due = self._clock.monotonic() + self._options.webhook_retry_seconds
        self._again.put(Delivery(delivery.to, delivery.body, delivery.tries + 1, due))


def post(to: Subscription, body: bytes) -> tuple[int, bytes]:
    """HTTP status and body of the answer; status 0 when there was none."""
    parts = urlsplit(to.url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    headers = {"Content-Type": "application/json"}
    if to.secret is not None:
        headers["Authorization"] = token(to.secret, to.url, time.time())
    connection = kind(parts.hostname or "", parts.port, timeout=TIMEOUT)
    try:
        connection.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


def token(secret: str, url: str, now: float) -> str:
    """A JSON Web Token, HS256. The machine's time, whatever the account's: receivers compare it with theirs."""
    claims = {
        "accountId": int(ACCOUNT_ID),
        "userId": 48_200_000,
        "aud": url,
        "iat": int(now),
        "exp": int(now) + TOKEN_LIFE,
    }
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}"
    return f"{signed}.{encoded(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def part(record: Record) -> str:
    """One part of a token."""
    return encoded(dumps(record).encode())


def encoded(raw: bytes) -> str:
    """Base 64 for URLs, without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
