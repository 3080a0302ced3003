"""The HTTP side: a WSGI application of two addresses, and the server that runs it in threads."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Self, cast

from boardlift.errors import ConfigError
from boardlift.ledger import Touched
from boardlift.listen.event import Challenge, Malformed, read_body
from boardlift.listen.guard import Guard
from boardlift.listen.intake import Intake, Receipt
from boardlift.listen.status import Status

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from structlog.typing import FilteringBoundLogger

LARGEST_BODY = 1 << 20
LARGEST_HEADER = 16 << 10
CONNECTIONS = 200
THREADS = 16
IDLE_SECONDS = 20

Answer = tuple[HTTPStatus, dict[str, object]]


class Application:
    """Answers monday.com and monitors.

    `known` tells whether a board is one of ours. An event is answered with 200 only when it is on disk, was there
    before, or concerns none of our boards; a ledger that cannot be written in time means 503, and monday.com comes
    again a minute later, for half an hour (API page "Webhooks").
    """

    def __init__(
        self,
        guard: Guard,
        intake: Intake,
        status: Status,
        known: Callable[[str], bool],
        log: FilteringBoundLogger,
    ) -> None:
        self._guard, self._intake, self._status, self._known, self._log = guard, intake, status, known, log

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            status, document = self._answer(environ)
        except Exception as error:  # noqa: BLE001  a request must not end in a page with a traceback
            self._log.error("request_failed", error=f"{type(error).__name__}: {error}")
            status, document = HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "something nobody foresaw happened"}
        body = b"" if environ["REQUEST_METHOD"] == "HEAD" else json.dumps(document, default=_plain).encode("ascii")
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers.append(("Allow", str(document["allow"])))
        start_response(f"{status.value} {status.phrase}", headers)
        return [body]

    def _answer(self, environ: WSGIEnvironment) -> Answer:
        method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
        if path == "/health":
            if method not in ("GET", "HEAD"):
                return HTTPStatus.METHOD_NOT_ALLOWED, {"allow": "GET, HEAD"}
            well, report = self._status.report(ledger_stuck=self._intake.stuck)
            return (HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE), report
        if not self._guard.is_address(path):
            self._status.count("elsewhere")
            return HTTPStatus.NOT_FOUND, {"error": "there is nothing here"}
        if method != "POST":
            return HTTPStatus.METHOD_NOT_ALLOWED, {"allow": "POST"}
        try:
            found = read_body(cast("BinaryIO", environ["wsgi.input"]).read(LARGEST_BODY + 1))
        except Malformed as error:
            self._refused("malformed", str(error))
            return HTTPStatus.BAD_REQUEST, {"error": str(error)}
        if isinstance(found, Challenge):
            # It may come without a token. Echoing it lets nobody in: the events of a webhook have to prove themselves.
            self._log.info("challenge")
            self._status.count("challenges")
            return HTTPStatus.OK, {"challenge": found.token}
        if why := self._guard.refusal(environ.get("HTTP_AUTHORIZATION", "")):
            self._refused("unauthorized", why)
            return HTTPStatus.UNAUTHORIZED, {"error": "the Authorization header does not prove the sender"}
        return self._event(found)

    def _event(self, event: Touched) -> Answer:
        if not (self._known(event.board_id) or self._known(event.item_board_id)):
            self._status.count("unknown_boards")
            self._log.info("unknown_board", board=event.board_id, type=event.event)
            return HTTPStatus.OK, {"status": "unknown board"}
        receipt = self._intake.put(event)
        self._status.count(receipt.value)
        if receipt is Receipt.REFUSED:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"error": "the ledger cannot be written now; send it again"}
        if receipt is Receipt.RECORDED:
            self._log.info("webhook", board=event.board_id, item=event.item_id, type=event.event)
        return HTTPStatus.OK, {"status": receipt.value}

    def _refused(self, what: str, why: str) -> None:
        self._status.count(what)
        self._log.warning(what, reason=why)


class Server:
    """Runs the application in threads of its own: `with Server(application, host, port) as server: ... server.port`.

    Raises ConfigError when the library is missing or the address cannot be listened on.
    """

    def __init__(self, application: Application, host: str, port: int) -> None:
        try:
            from waitress.server import create_server
        except ModuleNotFoundError as error:
            raise ConfigError(
                "`boardlift listen` needs waitress, which is not installed.", hint='pip install "boardlift[listen]"'
            ) from error
        # Its words about requests would stand among the log's lines in a form of their own; ours say the same.
        logging.getLogger("waitress").addHandler(logging.NullHandler())
        logging.getLogger("waitress").propagate = False
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            listening = socket.create_server((host, port), family=family, backlog=256)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"boardlift cannot listen on {host}, port {port}: {error}.",
                hint="choose another --port or --host; --port 0 takes a free port",
            ) from error
        self.port = int(listening.getsockname()[1])
        self._channels: dict[int, socket.socket] = {}
        self._server = create_server(
            application,
            map=self._channels,
            sockets=[listening],
            threads=THREADS,
            max_request_body_size=LARGEST_BODY,
            max_request_header_size=LARGEST_HEADER,
            connection_limit=CONNECTIONS,
            channel_timeout=IDLE_SECONDS,
            cleanup_interval=IDLE_SECONDS,
            ident="boardlift",
        )
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="http", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let requests in hand end, then hang up."""
        self._stop.set()
        self._thread.join()
        self._server.task_dispatcher.shutdown()
        from waitress import wasyncore

        wasyncore.close_all(self._channels)

    def _loop(self) -> None:
        from waitress import wasyncore

        while not self._stop.is_set():
            wasyncore.loop(timeout=0.2, map=self._channels, count=1)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    raise TypeError(f"{type(value).__name__} is no plain value")
