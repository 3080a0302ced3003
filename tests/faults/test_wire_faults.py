"""Faults on a real connection: the right error or a recovery, and no wait shorter than what was told."""

from __future__ import annotations

import gzip
import json
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from boardlift.errors import (
    AuthRejected,
    BoardliftError,
    BudgetExhausted,
    ConfigError,
    DailyLimitReached,
    SourceError,
    SourceUnavailable,
)
from boardlift.monday.boards import list_boards, read_boards
from boardlift.monday.client import MondayClient, NotReached
from boardlift.monday.queries import Selection
from boardlift.monday.windows import BoardRead, Restarted, read_board
from boardlift.monday.wire import Request
from boardlift.sandbox import Account, Fault, Sandbox, SandboxOptions
from boardlift.spool import SpoolRun
from unit.monday.reading import TOKEN, VERSION, OwnedClock

ASK = Request("Account", "query Account{me{id}}")
GOOD_BODY = json.dumps({"data": {"me": {"id": "1"}}}).encode()

Step = Callable[[socket.socket], None]


def reply(body: bytes = GOOD_BODY, status: str = "200 OK", *headers: str, length: int | None = None) -> Step:
    """A whole HTTP answer; `length` may promise more than is sent."""

    def step(connection: socket.socket) -> None:
        lines = [
            f"HTTP/1.1 {status}",
            "content-type: application/json",
            f"content-length: {len(body) if length is None else length}",
            "connection: close",
            *headers,
        ]
        if not any(header.lower().startswith("api-version") for header in headers):
            lines.append(f"api-version: {VERSION}")
        connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    return step


def reset(connection: socket.socket) -> None:
    """Half an answer, then a reset instead of an end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n" + GOOD_BODY)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("hh" if os.name == "nt" else "ii", 1, 0))


def hang_up(_: socket.socket) -> None:
    """The connection closes without a word."""


def garbage(connection: socket.socket) -> None:
    """Something that is not HTTP."""
    connection.sendall(b"\x00\x01\x02 no protocol\r\n\r\n")


def silence(seconds: float) -> Step:
    """Nothing comes for longer than anybody waits."""
    return lambda connection: threading.Event().wait(seconds) and None  # type: ignore[return-value]


def bad_gzip(connection: socket.socket) -> None:
    packed = gzip.compress(GOOD_BODY)[:-9] + b"123456789"
    reply(packed, "200 OK", "content-encoding: gzip")(connection)


@contextmanager
def serving(*steps: Step) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers its n-th connection with the n-th step. Gives its address and the requests that came."""
    requests: list[bytes] = []
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for step in steps:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                if over.is_set():
                    connection.close()
                    return
                with connection:
                    try:
                        requests.append(_request(connection))
                        step(connection)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        address = listener.getsockname()
        try:
            yield f"http://127.0.0.1:{address[1]}/v2", requests
        finally:
            over.set()
            # An accept that waits is not woken by closing its socket everywhere; a caller wakes it.
            socket.create_connection(address).close()
            thread.join(timeout=5)


def _request(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(
        next(line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


def calling(url: str, clock: OwnedClock, **more: object) -> MondayClient:
    return MondayClient(url, TOKEN, VERSION, clock=clock, timeout=0.5, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fault",
    [
        reset,
        hang_up,
        garbage,
        bad_gzip,
        silence(0.8),
        reply(b'{"data":{"me":{"id":'),
        reply(GOOD_BODY[:10], length=500),
        reply(b""),
        reply(b"<html>maintenance</html>"),
        reply(b"<html>bad gateway</html>", "502 Bad Gateway"),
        reply(b'{"errors":[{"message":"Internal server error","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}'),
        reply(b'{"error_code":"INTERNAL_SERVER_ERROR","error_message":"x"}', "500 Internal Server Error"),
    ],
    ids=lambda step: getattr(step, "__name__", "step"),
)
def test_a_passing_fault_is_recovered_from(fault: Step) -> None:
    """One bad answer, one good: the caller sees the good one, and two calls are booked."""
    with serving(fault, reply()) as (url, requests), calling(url, OwnedClock()) as client:
        assert bytes(client.send(ASK).data["me"]) == b'{"id": "1"}'
        assert client.stats().calls == len(requests) == 2
        assert client.stats().retries == 1


@pytest.mark.parametrize("fault", [reset, hang_up, garbage, reply(b""), reply(GOOD_BODY[:9], length=99), silence(0.8)])
def test_a_lasting_fault_is_an_error_without_the_token(fault: Step) -> None:
    """After the tries allowed it is told, and neither the error nor its chain knows the token."""
    tried = pytest.raises(SourceUnavailable, match="Tried 2 times")
    with serving(fault, fault) as (url, _), calling(url, OwnedClock(), retries=1) as client, tried as caught:
        client.send(ASK)
    assert TOKEN not in repr(caught.value) + repr(vars(caught.value))
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("refusal", "told"),
    [
        (reply(b"slow down", "429 Too Many Requests", "retry-after: 23"), 23),
        (reply(b'{"errors":["Minute limit rate exceeded"]}', "429 Too Many Requests", "retry-after: 41"), 41),
        (
            reply(
                b'{"errors":[{"message":"x","extensions":{"code":"COMPLEXITY_BUDGET_EXHAUSTED","retry_in_seconds":37}}]}',
                "200 OK",
                "retry-after: 5",
            ),
            37,
        ),
        (reply(b"", "503 Service Unavailable", "retry-after: 90"), 90),
        (reply(b'{"error_code":"ComplexityException","error_message":"budget exhausted, reset in 17 seconds"}'), 17),
        (reply(b"", "429 Too Many Requests", 'ratelimit: "minuteRate";r=0;t=38'), 38),
    ],
)
def test_a_told_wait_is_obeyed_to_the_second(refusal: Step, told: float) -> None:
    """Header, body, words, quota: whatever tells the longest wait."""
    clock = OwnedClock()
    with serving(refusal, reply()) as (url, _), calling(url, clock, retries=0) as client:
        client.send(ASK)
    assert sum(clock.slept) >= told
    assert sum(clock.slept) == pytest.approx(told)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply(GOOD_BODY, "200 OK", "api-version: 2025-04"), SourceError),
        (reply(b'{"errors":["Not Authenticated"]}', "401 Unauthorized"), AuthRejected),
        (reply(b"<html>blocked</html>", "403 Forbidden"), AuthRejected),
        (reply(b"", "302 Found", "location: http://127.0.0.1:1/"), ConfigError),
        (reply(b"not here", "404 Not Found"), ConfigError),
    ],
)
def test_what_does_not_pass_is_told_at_once(answer: Step, expected: type[BoardliftError]) -> None:
    """One call; the second answer is never asked for."""
    with serving(answer, reply()) as (url, requests), calling(url, OwnedClock()) as client:
        with pytest.raises(expected):
            client.send(ASK)
        assert len(requests) == 1


def test_nobody_listening_is_told_as_such() -> None:
    """A connection that is refused says nothing about sizes or tokens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with calling(f"http://127.0.0.1:{port}/v2", OwnedClock()) as client, pytest.raises(NotReached):
        client.send(ASK)


@pytest.fixture
def spool(tmp_path: Path) -> SpoolRun:
    return SpoolRun.open(tmp_path, "run-1")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("429_retry_after", operation="NextItems", after=1, seconds=3),
        Fault("429_retry_in_seconds", operation="NextItems", after=1, seconds=3),
        Fault("429_bare", operation="NextItems", after=1),
        Fault("complexity_200", operation="NextItems", after=1, seconds=3),
        Fault("complexity_429", operation="NextItems", after=1, seconds=3),
        Fault("concurrency", operation="NextItems", after=1, times=3),
        Fault("ip_limit", operation="NextItems", after=1),
        Fault("5xx", operation="NextItems", after=1, times=2),
        Fault("html", operation="NextItems", after=1),
        Fault("html_200", operation="NextItems", after=1),
        Fault("truncated_json", operation="NextItems", after=1),
        Fault("empty_body", operation="NextItems", after=1),
        Fault("reset", operation="NextItems", after=1),
        Fault("reset", operation="NextItems", after=1, where="middle"),
        Fault("internal_error_200", operation="NextItems", after=1, times=3),
        Fault("cursor_expired", operation="NextItems", after=1),
        Fault("errors_200", operation="NextItems", after=1, shape="several"),
        Fault("errors_200", operation="NextItems", after=1, shape="legacy"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.shape}-{fault.where}",
)
def test_a_board_is_read_whole_through_any_passing_fault(fault: Fault, spool: SpoolRun) -> None:
    """In the midst of a board something goes wrong; in the end every item is in the spool, once."""
    with simulated(Account.benchmark(900, 5), fault, OwnedClock()) as client:
        board_id = next(board.id for board in list_boards(client) if board.items_count)
        board = read_boards(client, [board_id])[0]
        selection = Selection(tuple(column.id for column in board.columns if column.type != "name"))
        events = list(read_board(client, board, selection, spool, page_size=200, pages_per_window=1))
    read = events[-1]
    assert isinstance(read, BoardRead)
    assert (read.items, read.expected) == (900, 900)
    assert read.restarts == (fault.kind == "cursor_expired")
    assert not any(isinstance(event, Restarted) for event in events)
    assert sum(window.items for window in spool.verify()) == 900
    assert spool.manifest.complete


def test_a_day_without_calls_ends_the_reading() -> None:
    """The daily limit is not waited for."""
    clock = OwnedClock()
    spent = pytest.raises(DailyLimitReached, match="calls of today")
    with simulated(Account.benchmark(10, 3), Fault("daily_limit"), clock) as client, spent:
        list_boards(client)
    assert clock.slept == []


def test_a_minute_that_is_spent_again_and_again_ends_within_the_longest_wait() -> None:
    """Ten minutes of waiting are enough; the error says what was told."""
    clock = OwnedClock()
    fault = Fault("429_retry_after", times=None, seconds=60)
    given_up = pytest.raises(BudgetExhausted, match="gave up")
    with simulated(Account.benchmark(10, 3), fault, clock) as client, given_up:
        client.send(ASK)
    assert 540 <= clock.seconds <= 601


@contextmanager
def simulated(account: Account, fault: Fault, clock: OwnedClock) -> Iterator[MondayClient]:
    """A client of a simulated account in which something goes wrong."""
    with (
        Sandbox(account, SandboxOptions(faults=(fault,))) as sandbox,
        MondayClient(sandbox.url, sandbox.token, VERSION, clock=clock, timeout=5) as client,
    ):
        yield client
