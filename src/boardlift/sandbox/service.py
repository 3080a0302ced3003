"""What the server answers to one request, in values: no socket here."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal, cast
from uuid import uuid4

from . import problems
from .account import Account
from .coerce import Misfit
from .compile import Program, encode
from .cursors import Snapshots
from .engine import Engine
from .fault import Fault, FaultBook
from .kinds.base import Record
from .limits import Limits
from .options import SandboxOptions
from .problems import Refusal
from .resolve_root import CURRENT, VERSIONS
from .sabotage import HTML, lies_of, refusal_of

OLDEST = VERSIONS[0][0]


@dataclass(slots=True)
class Reply:
    """An answer ready to be written. `text` and `tail` make the body; `damage` is what the socket does to it."""

    status: int
    text: bytes
    tail: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    damage: Literal["", "reset", "reset_middle", "drop"] = ""


class Stats:
    """Counts of what was asked and answered."""

    def __init__(self) -> None:
        """All zero."""
        self._lock = Lock()
        self.calls = self.points = self.peak = 0
        self.refusals: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.operations: dict[str, Counter[str]] = {}

    def begin(self, running: int) -> int:
        """A call came in: its number."""
        with self._lock:
            self.calls += 1
            self.peak = max(self.peak, running)
            return self.calls

    def count(self, names: set[str], what: str, amount: int = 1) -> None:
        """Add to a count of each operation."""
        with self._lock:
            for name in names:
                self.operations.setdefault(name, Counter())[what] += amount

    def paid(self, points: int) -> None:
        """Points were spent."""
        with self._lock:
            self.points += points

    def went_wrong(self, refusal: str | None = None, fault: str | None = None) -> None:
        """A refusal or a fault happened."""
        with self._lock:
            if refusal:
                self.refusals[refusal] += 1
            if fault:
                self.faults[fault] += 1

    def record(self) -> Record:
        """The counts as JSON-able values."""
        with self._lock:
            return {
                "calls": self.calls,
                "points": self.points,
                "peak_concurrency": self.peak,
                "refusals": dict(self.refusals),
                "faults": dict(self.faults),
                "operations": {name: dict(counts) for name, counts in self.operations.items()},
            }


class Service:
    """Answers requests for one account under one set of options."""

    def __init__(self, account: Account, options: SandboxOptions) -> None:
        """Quotas are full, no cursor lives."""
        self.account, self.options = account, options
        account.unreadable |= options.unreadable_boards
        account.place_owner(options.owner_utc_offset_hours)
        self.limits = Limits(options, account.now)
        self.engine = Engine(account, Snapshots(options.cursor_life_seconds), self.limits)
        self.faults = FaultBook(options.faults)
        self.stats = Stats()

    def reply(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """The answer to a POST of a query."""
        request_id = str(uuid4())
        if headers.get("Authorization") != self.account.token:
            self.stats.went_wrong(refusal="unauthorized")
            return self._refused(problems.NOT_AUTHENTICATED, request_id, "")
        version = served_version(headers.get("API-Version"))
        if version is None:
            return self._refused(problems.bad_version(str(headers.get("API-Version"))), request_id, "")
        number = self.stats.begin(self.limits.running + 1)
        refused = self.limits.enter()
        if refused is not None:
            return self._refused(refused, request_id, version)
        try:
            return self._answer(number, body, version, request_id)
        finally:
            self.limits.leave()

    def _answer(self, number: int, body: bytes, version: str, request_id: str) -> Reply:
        time.sleep(self.options.latency_seconds)
        prepared = self._prepare(body)
        if isinstance(prepared, Refusal):
            fault = self.faults.match(number, (), ())
            refused = refusal_of(fault) if fault is not None else None
            return self._refused(refused or prepared, request_id, version)
        program, variables = prepared
        try:
            names, boards = self.engine.touches(program, variables)
        except Misfit as error:
            return self._refused(problems.validation([(str(error), [])]), request_id, version)
        self.stats.count(names, "calls")
        fault = self.faults.match(number, names, boards)
        if fault is not None:
            self.stats.went_wrong(fault=fault.kind)
            spoiled = self._instead(fault, request_id, version)
            if spoiled is not None:
                return spoiled
        answer = self.engine.execute(program, variables, lies_of(fault), version)
        if isinstance(answer, Refusal):
            self.stats.count(names, "refused")
            return self._refused(answer, request_id, version)
        self.stats.paid(answer.cost)
        self.stats.count(names, "points", answer.cost)
        self.stats.count(names, "items", answer.items)
        if self.options.latency_per_item_seconds:
            time.sleep(self.options.latency_per_item_seconds * answer.items)
        reply = Reply(200, answer.text, closing(request_id), self._headers(request_id, version))
        return reply if fault is None else damaged(reply, fault)

    def _prepare(self, body: bytes) -> tuple[Program, dict[str, object]] | Refusal:
        """The program and variables of a body, or why there are none."""
        try:
            request = json.loads(body)
        except ValueError:
            request = None
        if not isinstance(request, dict) or not isinstance(request.get("query"), str):
            return problems.refusal("JsonParseException", "Could not parse JSON body", status=400)
        given = request.get("variables") or {}
        if not isinstance(given, dict):
            # FACTS 1: a JSON string of variables is deprecated
            return problems.refusal("JsonParseException", "variables must be a JSON object", status=400)
        return self.engine.prepare(request["query"], request.get("operationName"), cast("dict[str, object]", given))

    def _instead(self, fault: Fault, request_id: str, version: str) -> Reply | None:
        """What is answered in place of an execution; None when the query is executed all the same."""
        refused = refusal_of(fault)
        if refused is not None:
            return self._refused(refused, request_id, version)
        if fault.kind in ("html", "html_200"):
            return Reply(502 if fault.kind == "html" else 200, HTML.encode(), headers={"Content-Type": "text/html"})
        if fault.kind == "empty_body":
            return Reply(200, b"", headers=self._headers(request_id, version))
        if fault.kind == "reset" and fault.where == "before":
            return Reply(200, b"", damage="reset")
        if fault.kind in ("timeout", "slow"):
            time.sleep(fault.seconds)
        return Reply(200, b"", damage="drop") if fault.kind == "timeout" else None

    def _headers(self, request_id: str, version: str) -> dict[str, str]:
        return {
            "Content-Type": "application/json; charset=utf-8",
            "API-Version": version,
            "X-Request-Id": request_id,
            "Vary": "Accept-Encoding",
            **self.limits.headers(),
        }

    def _refused(self, refusal: Refusal, request_id: str, version: str) -> Reply:
        self.stats.went_wrong(refusal=refusal.name or None)
        body = dict(refusal.body)
        errors = body.get("errors")
        if refusal.status != 401 and isinstance(errors, list) and errors and isinstance(errors[0], dict):
            body["extensions"] = {"request_id": request_id}
        headers = (
            self._headers(request_id, version)
            if refusal.served
            else {
                "Content-Type": "application/json; charset=utf-8",
                "X-Request-Id": request_id,
            }
        )
        return Reply(refusal.status, encode(body), headers={**headers, **refusal.headers})


def closing(request_id: str) -> bytes:
    """The end of a body: the only part that differs when a page is asked for again."""
    return f',"extensions":{{"request_id":"{request_id}"}}}}'.encode()


def damaged(reply: Reply, fault: Fault) -> Reply:
    """An executed answer as a fault leaves it."""
    if fault.kind == "truncated_json":
        return Reply(200, reply.text[: len(reply.text) // 2], headers=reply.headers)
    if fault.kind == "wrong_version":
        return Reply(200, reply.text, reply.tail, {**reply.headers, "API-Version": fault.version})
    if fault.kind == "reset":
        reply.damage = "reset_middle"
    return reply


def served_version(asked: str | None) -> str | None:
    """The version that serves a request; None for a malformed header (FACTS 2)."""
    if asked is None:
        return CURRENT
    if asked in dict(VERSIONS):
        return asked
    if re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", asked) is None:
        return None
    return OLDEST if asked < OLDEST else CURRENT
