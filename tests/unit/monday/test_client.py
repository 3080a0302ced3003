"""The client: retries, told waits, the shared gate, accounting, and a token that never shows."""

from __future__ import annotations

import logging
import pickle
import threading
import traceback
from datetime import UTC, datetime

import httpx
import pytest

from boardlift.errors import (
    AuthRejected,
    BudgetExhausted,
    ConfigError,
    PermissionMissing,
    QueryRejected,
    SourceError,
    SourceUnavailable,
)
from boardlift.monday.client import CallStats, MondayClient, NotReached
from boardlift.monday.wire import Request
from unit.monday.reading import TOKEN, VERSION, OwnedClock, Script, Told, answer, client_of, refusal

ASK = Request("Account", "query Account{me{id}}", label="b1")
GOOD = {"me": {"id": "1"}}


def test_the_headers_are_those_the_api_wants() -> None:
    """The raw token, the pinned version, JSON, gzip."""
    script = Script(answer(GOOD))
    client_of(script).send(ASK)
    headers = script.requests[0].headers
    assert (headers["authorization"], headers["api-version"]) == (TOKEN, VERSION)
    assert (headers["content-type"], headers["accept-encoding"]) == ("application/json", "gzip")


def test_a_passing_failure_is_tried_again() -> None:
    """Three tries follow the first by default, with growing pauses."""
    clock = OwnedClock()
    script = Script(httpx.Response(503), httpx.Response(502), httpx.Response(500), answer(GOOD))
    assert client_of(script, clock).send(ASK).request_id == "req-1"
    assert 0.75 * 7 <= sum(clock.slept) <= 1.25 * 7


def test_after_the_last_try_the_error_tells_how_many_there_were() -> None:
    """One try and three retries, then the error."""
    script = Script(*[httpx.Response(503)] * 4)
    with pytest.raises(SourceUnavailable, match="Tried 4 times"):
        client_of(script).send(ASK)
    assert len(script.requests) == 4


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (refusal("NOT_AUTHENTICATED", status=401), AuthRejected),
        (refusal("GRAPHQL_VALIDATION_FAILED"), QueryRejected),
        (refusal("USER_UNAUTHORIZED"), PermissionMissing),
        (httpx.Response(302, headers={"location": "https://elsewhere.example"}), ConfigError),
    ],
)
def test_what_no_repetition_mends_is_not_repeated(response: httpx.Response, expected: type[Exception]) -> None:
    """One call, one error; a redirect is not followed, for it would carry the token away."""
    script = Script(response)
    with pytest.raises(expected):
        client_of(script).send(ASK)
    assert len(script.requests) == 1


@pytest.mark.parametrize("told", [1, 17, 59.5])
def test_a_told_wait_is_never_shortened(told: float) -> None:
    """What the server says is waited, to the second."""
    clock, progress = OwnedClock(), Told()
    script = Script(refusal("COMPLEXITY_BUDGET_EXHAUSTED", status=429, retry_in_seconds=told), answer(GOOD))
    client_of(script, clock, progress=progress).send(ASK)
    assert sum(clock.slept) == pytest.approx(told)
    assert progress.waits[0][0] == pytest.approx(told)
    assert "complexity budget" in progress.waits[0][1]


def test_told_waits_do_not_use_up_tries() -> None:
    """Ten refusals with a wait each are ten waits, not a failure."""
    script = Script(*[refusal("RATE_LIMIT_EXCEEDED", status=429, retry_in_seconds=20)] * 10, answer(GOOD))
    clock = OwnedClock()
    client_of(script, clock).send(ASK)
    assert sum(clock.slept) == pytest.approx(200)


def test_told_waits_end_at_the_longest_total() -> None:
    """Ten minutes by default; then the error says what was waited."""
    script = Script(*[refusal("RATE_LIMIT_EXCEEDED", status=429, retry_in_seconds=250)] * 3)
    clock = OwnedClock()
    with pytest.raises(BudgetExhausted, match="Waited 500 s already and was told 250 s more"):
        client_of(script, clock).send(ASK)


def test_a_told_wait_of_zero_still_pauses() -> None:
    """A server that says 'again, at once' for ever does not become a busy loop."""
    script = Script(*[refusal("RATE_LIMIT_EXCEEDED", status=429, retry_in_seconds=0)] * 2000)
    with pytest.raises(BudgetExhausted):
        client_of(script, max_wait=10.0).send(ASK)
    assert len(script.requests) < 30


def test_one_refusal_holds_back_all_threads() -> None:
    """The budget belongs to the account: whoever comes next waits at the gate."""
    clock = OwnedClock()
    sent: list[float] = []

    def monday(request: httpx.Request) -> httpx.Response:
        sent.append(clock.monotonic())
        return refusal("maxConcurrencyExceeded", status=429, retry_in_seconds=30) if len(sent) == 1 else answer(GOOD)

    client = client_of(monday, clock)
    threads = [threading.Thread(target=client.send, args=(ASK,)) for _ in range(4)]
    threads[0].start()
    threads[0].join()
    assert sent == [0, pytest.approx(30)]
    client._gate.close(clock.monotonic() + 10, "refused")
    for thread in threads[1:]:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    assert min(sent[2:]) >= 40


def test_costs_are_booked_by_label() -> None:
    """Calls, points, bytes, retries and waits of one board, and of all."""
    cost = {"query": 120, "before": 9, "after": 9, "reset_in_x_seconds": 1}
    script = Script(
        refusal("IP_RATE_LIMIT_EXCEEDED", status=429, retry_in_seconds=4),
        answer({**GOOD, "complexity": cost}),
        answer(GOOD),
    )
    client = client_of(script)
    client.send(ASK)
    client.send(Request("Other", "query Other{me{id}}", label="b2"))
    board = client.stats("b1")
    assert (board.calls, board.points, board.retries, round(board.waited_seconds)) == (2, 120, 1, 4)
    assert client.stats("b2").calls == 1
    assert client.stats().calls == 3
    assert client.stats("none") == CallStats()


def test_the_latest_quotas_are_kept() -> None:
    """They come with every answer and go stale with the next."""
    client = client_of(Script(answer(GOOD, headers={"RateLimit": '"concurrency";r=79'}), answer(GOOD)))
    assert client.quotas == {}
    client.send(ASK)
    client.send(ASK)
    assert client.quotas["concurrency"].remaining == 79


def test_the_latest_version_and_time_are_kept() -> None:
    """What a diagnosis compares with the pinned version and with the local clock."""
    client = client_of(Script(answer(GOOD, headers={"Date": "Sun, 01 Nov 2026 10:00:00 GMT"})))
    assert (client.served_version, client.server_time) == ("", None)
    client.send(ASK)
    assert (client.served_version, client.server_time) == (VERSION, datetime(2026, 11, 1, 10, tzinfo=UTC))


def test_cancel_ends_a_wait() -> None:
    """A run that is stopped does not sleep to the end of a told wait."""
    clock = OwnedClock()
    script = Script(refusal("RATE_LIMIT_EXCEEDED", status=429, retry_in_seconds=500))
    client = client_of(script, clock)
    sleep = clock.sleep

    def sleep_then_stop(seconds: float) -> None:
        sleep(seconds)
        client.cancel()

    clock.sleep = sleep_then_stop  # type: ignore[method-assign]
    with pytest.raises(SourceError, match="was stopped"):
        client.send(ASK)
    assert sum(clock.slept) <= 1


@pytest.mark.parametrize(
    ("failure", "expected", "words"),
    [
        (httpx.ConnectError("[Errno 111] Connection refused"), NotReached, "could not be reached"),
        (httpx.ConnectTimeout(""), NotReached, "could not be reached"),
        (httpx.ReadTimeout("timed out"), SourceUnavailable, "did not answer within"),
        (httpx.RemoteProtocolError("peer closed connection"), SourceUnavailable, "broke"),
        (httpx.ReadError("reset"), SourceUnavailable, "broke"),
        (httpx.DecodingError("bad gzip"), SourceUnavailable, "broke"),
        (httpx.ProxyError("407 Proxy Authentication Required"), ConfigError, "proxy refused"),
        (httpx.UnsupportedProtocol("no scheme"), ConfigError, "cannot be called"),
    ],
)
def test_failures_of_the_network_find_their_class(failure: Exception, expected: type[Exception], words: str) -> None:
    """Each with a hint about what to look at."""
    with pytest.raises(expected, match=words) as caught:
        client_of(Script(failure), retries=0).send(ASK)
    assert type(caught.value) is expected
    assert caught.value.hint  # type: ignore[attr-defined]


def test_an_untrusted_certificate_is_a_matter_of_configuration() -> None:
    """Found however deep it lies in the chain of causes."""
    import ssl

    failure = httpx.ConnectError("certificate verify failed")
    failure.__cause__ = ssl.SSLCertVerificationError("unable to get local issuer certificate")
    with pytest.raises(ConfigError, match="not trusted") as caught:
        client_of(Script(failure)).send(ASK)
    assert "SSL_CERT_FILE" in caught.value.hint


def test_a_name_that_does_not_resolve_is_told_as_such() -> None:
    """DNS failures may pass; the hint names the proxy variable."""
    import socket

    failure = httpx.ConnectError("[Errno -2] Name or service not known")
    failure.__cause__ = socket.gaierror(-2, "Name or service not known")
    with pytest.raises(NotReached, match="could not be resolved"):
        client_of(Script(failure), retries=0).send(ASK)


def secrets_in(error: BaseException) -> bool:
    """Whether the token is anywhere in an error, its chain, or what these refer to."""
    text = "".join(traceback.format_exception(error)) + repr(error) + repr(vars(error))
    chain = [error.__cause__, error.__context__]
    holders = [link for link in chain if link is not None]
    return TOKEN in text or any(isinstance(link, httpx.HTTPError) for link in holders)


@pytest.mark.parametrize(
    "step",
    [
        httpx.ReadTimeout("x"),
        httpx.ConnectError("x"),
        httpx.Response(401, content=b'{"errors":[{"message":"token ' + TOKEN.encode() + b' is bad"}]}'),
        refusal("undefinedField", f"you sent Authorization: {TOKEN}"),
        httpx.Response(500, content=TOKEN.encode()),
    ],
)
def test_the_token_is_in_no_error(step: httpx.Response | Exception, caplog: pytest.LogCaptureFixture) -> None:
    """Not in a message, not in a repr, not in the chain of exceptions, not in a log, even if the server echoes it."""
    caplog.set_level(logging.DEBUG)
    client = client_of(Script(step), retries=0)
    with pytest.raises(SourceError) as caught:
        client.send(ASK)
    assert not secrets_in(caught.value)
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(client) + str(vars(client))


@pytest.mark.parametrize("token", ["with blank", "line\nbreak", "ünïcode"])
def test_a_token_no_header_can_carry_is_refused_unseen(token: str) -> None:
    """The message does not quote it."""
    with pytest.raises(ConfigError) as caught:
        MondayClient("https://api.monday.example/v2", token)
    assert token not in str(caught.value)


def test_no_token_is_an_error_with_the_way_to_one() -> None:
    """Blanks are no token."""
    with pytest.raises(AuthRejected):
        MondayClient("https://api.monday.example/v2", "  ")


def test_a_body_that_drips_without_end_is_given_up() -> None:
    """The limit of time is for the whole call, not for each piece."""
    clock = OwnedClock()

    class Drip(httpx.SyncByteStream):
        def __iter__(self):  # type: ignore[no-untyped-def]
            while True:
                clock.seconds += 30
                yield b" "

    with pytest.raises(SourceUnavailable, match="did not answer within 60 seconds"):
        client_of(lambda _: httpx.Response(200, stream=Drip()), clock, retries=0).send(ASK)


def test_stats_are_plain_values() -> None:
    """They add up and can be kept."""
    total = CallStats(1, 2, 3, 4, 5.0) + CallStats(1, 1, 1, 1, 1.0)
    assert total == CallStats(2, 3, 4, 5, 6.0)
    assert pickle.loads(pickle.dumps(total)) == total


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1:8065/v2", "127.0.0.1:8065 could"),
        ("https://api.monday.com/v2", "api.monday.com could"),
        ("https://api.monday.com:443/v2", "api.monday.com could"),
        ("http://[::1]:8065/v2", "[::1]:8065 could"),
    ],
)
def test_a_place_that_cannot_be_reached_is_named_with_its_port(url: str, said: str) -> None:
    """Two programs on one machine differ by nothing else; the usual port says nothing."""
    script = Script(httpx.ConnectError("refused"))
    client = MondayClient(url, TOKEN, VERSION, retries=0, transport=httpx.MockTransport(script))
    with pytest.raises(NotReached) as caught:
        client.send(ASK)
    assert caught.value.message.startswith(said)
