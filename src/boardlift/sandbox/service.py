"""What the server answers to one request, in values: no socket here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast
from uuid import uuid4

from . import problems
from .account import Account
from .coerce import Misfit
from .compile import Program, encode
from .cursors import Snapshots
from .engine import Engine
from .fault import Fault, FaultBook, failure
from .hooks import Hooks
from .kinds.base import Record
from .limits import Limits
from .options import SandboxOptions
from .problems import Refusal
from .resolve_root import CURRENT, VERSIONS
from .run import Struck
from .sabotage import HTML, lies_of, refusal_of
from .stats import Call, Stats
from .timing import Clock, MachineClock, Workers, work

OLDEST = VERSIONS[0][0]


@dataclass(slots=True)
class Reply:
    """An answer ready to be written. `text` and `tail` make the body; `damage` is what the socket does to it."""

    status: int
    text: bytes
    tail: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    damage: Literal["", "reset", "reset_middle", "drop"] = ""


class Service:
    """Answers requests for one account under one set of options."""

    def __init__(self, account: Account, options: SandboxOptions, clock: Clock | None = None) -> None:
        """Quotas are full, no cursor lives. The account follows the clock when one is given."""
        self.account, self.options, self.clock = account, options, clock or MachineClock()
        if clock is not None:
            account.follow(clock)
        account.unreadable |= options.unreadable_boards
        account.place_owner(options.owner_utc_offset_hours)
        self.limits = Limits(options, account.now)
        self.engine = Engine(account, Snapshots(options.cursor_life_seconds), self.limits)
        self.faults = FaultBook(options.faults)
        self.stats = Stats(journal=options.journal)
        self.workers = Workers(options.workers)
        self.hooks = Hooks(options, self.clock)

    def reply(self, headers: Mapping[str, str], body: bytes) -> Reply:
        """The answer to a POST of a query."""
        request_id = str(uuid4())
        if headers.get("Authorization") != self.account.token:
            self.stats.refused("unauthorized")
            return self._refused(problems.NOT_AUTHENTICATED, request_id, "")
        version = served_version(headers.get("API-Version"))
        if version is None:
            return self._refused(problems.bad_version(str(headers.get("API-Version"))), request_id, "")
        arrived = self.clock.monotonic()
        call = self.stats.begin(body, self.account.now())
        refused = self.limits.enter()
        if refused is not None:
            reply = self._refused(refused, request_id, version, call)
        else:
            try:
                reply = self._answer(call, body, version, request_id, arrived)
            finally:
                self.limits.leave()
        call.answered, call.status, call.standing = self.account.now(), reply.status, self.limits.standing()
        return reply

    def _answer(self, call: Call, body: bytes, version: str, request_id: str, arrived: float) -> Reply:
        prepared = self._prepare(body)
        fault = failure(call.number, self.options.failing, self.options.failing_seconds, self.options.failing_seed)
        if isinstance(prepared, Refusal):
            self._work(arrived)
            return self._unprepared(prepared, fault, call, version, request_id)
        program, variables = prepared
        try:
            names, boards = self.engine.touches(program, variables)
        except Misfit as error:
            self._work(arrived)
            return self._refused(problems.validation([(str(error), [])]), request_id, version, call)
        self.stats.count(names, "calls")
        fault = self.faults.match(call.number, names, boards) or fault
        if fault is not None:
            spoiled = self._instead(fault, request_id, version, call, arrived)
            if spoiled is not None:
                return spoiled
        aimed = self.faults.by_content(call.number, names)
        try:
            answer = self.engine.execute(program, variables, lies_of(fault), version, aimed, self.faults.strikes)
        except Struck as struck:
            return self._instead(struck.fault, request_id, version, call, arrived) or Reply(500, b"")
        if isinstance(answer, Refusal):
            self.stats.count(names, "refused")
            self._work(arrived)
            return self._refused(answer, request_id, version, call)
        self.stats.paid(answer.cost)
        call.points = answer.cost
        self.stats.count(names, "points", answer.cost)
        self.stats.count(names, "items", answer.items)
        self._work(arrived, answer.items, answer.with_cells)
        reply = Reply(200, answer.text, closing(request_id), self._headers(request_id, version))
        return reply if fault is None else damaged(reply, fault)

    def _unprepared(self, refusal: Refusal, fault: Fault | None, call: Call, version: str, request_id: str) -> Reply:
        """A query that does not fit is refused, unless a fault that asks for nothing of it comes first."""
        fault = self.faults.match(call.number, (), ()) or fault
        spoiled = refusal_of(fault) if fault is not None else None
        return self._refused(spoiled or refusal, request_id, version, call, None if spoiled is None else fault)

    def _work(self, arrived: float, items: int = 0, with_cells: int = 0) -> None:
        """Wait until the answer to a call that arrived then is ready."""
        options = self.options
        seconds = work(options.latency_seconds, options.latency_per_item_seconds, items, with_cells)
        left = self.workers.finish(arrived, seconds) - self.clock.monotonic()
        if left > 0:
            self.clock.sleep(left)

    def record(self) -> Record:
        """Counts of calls, points, refusals and faults, and what was used in each minute."""
        return {**self.stats.record(), **self.limits.record(), "webhooks": self.hooks.record()}

    def open(self) -> None:
        """Hear of the account's events from now on; webhooks of before a close have to be subscribed again."""
        if self.hooks.closed:
            self.hooks = Hooks(self.options, self.clock)
        self.account.listeners.append(self.hooks.heard)

    def close(self) -> None:
        """Tell nobody of events any more."""
        self.hooks.close()
        self.account.listeners.remove(self.hooks.heard)

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

    def _instead(self, fault: Fault, request_id: str, version: str, call: Call, arrived: float) -> Reply | None:
        """What is answered in place of an execution; None when the query is executed all the same."""
        self.stats.spoiled(fault.kind)
        call.outcome = fault.kind
        refused = refusal_of(fault)
        if refused is not None or fault.kind in ("html", "html_200", "empty_body", "reset"):
            self._work(arrived)
        if refused is not None:
            return self._refused(refused, request_id, version, call, fault)
        if fault.kind in ("html", "html_200"):
            return Reply(502 if fault.kind == "html" else 200, HTML.encode(), headers={"Content-Type": "text/html"})
        if fault.kind == "empty_body":
            return Reply(200, b"", headers=self._headers(request_id, version))
        if fault.kind == "reset" and fault.where == "before":
            return Reply(200, b"", damage="reset")
        if fault.kind in ("timeout", "slow"):
            self.clock.sleep(fault.seconds)
        return Reply(200, b"", damage="drop") if fault.kind == "timeout" else None

    def _headers(self, request_id: str, version: str) -> dict[str, str]:
        return {
            "Content-Type": "application/json; charset=utf-8",
            "API-Version": version,
            "X-Request-Id": request_id,
            "Vary": "Accept-Encoding",
            **self.limits.headers(),
        }

    def _refused(
        self, refusal: Refusal, request_id: str, version: str, call: Call | None = None, fault: Fault | None = None
    ) -> Reply:
        if call is not None:
            call.outcome, call.told = fault.kind if fault is not None else refusal.name, told(refusal)
            if fault is None:
                self.stats.refused(refusal.name)
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


def told(refusal: Refusal) -> float:
    """The seconds a refusal tells the client to wait, in its body or its header; 0 when it tells none."""
    errors = cast("list[Record]", refusal.body.get("errors") or [{}])
    extensions = cast("Record", errors[0].get("extensions") or {}) if isinstance(errors[0], dict) else {}
    return max(float(str(extensions.get("retry_in_seconds", 0))), float(refusal.headers.get("Retry-After", 0)))


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
