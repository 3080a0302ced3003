"""The sandbox over HTTP: keep-alive, one thread per connection, one write per answer."""

from __future__ import annotations

import socket
import struct
import sys
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self, cast

from .account import Account
from .control import obey
from .kinds.base import Record
from .options import SandboxOptions
from .service import Reply, Service
from .timing import Clock
from .wire import Compressor, head

# Windows lays the two numbers of SO_LINGER out as shorts.
RESET = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    rbufsize = 65_536

    def do_POST(self) -> None:
        """Answer a query or a control request."""
        server = cast("Server", self.server)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = cast("Mapping[str, str]", self.headers)
        if self.path == "/v2":
            self._send(server.service.reply(headers, body))
        elif self.path == "/control" and headers.get("Authorization") == server.service.account.token:
            status, answer = obey(server.service, body)
            self.wfile.write(head(status, {"Content-Type": "application/json"}, len(answer)) + answer)
        else:
            self.wfile.write(head(404 if self.path != "/control" else 401, {}, 0))

    def _send(self, reply: Reply) -> None:
        server = cast("Server", self.server)
        if reply.damage in ("reset", "drop"):
            self._hang_up(reset=reply.damage == "reset")
            return
        headers = reply.headers
        if server.compress and reply.text and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = server.compressor.compress(reply.text, reply.tail)
            headers = {**headers, "Content-Encoding": "gzip"}
        else:
            body = reply.text + reply.tail
        whole = head(reply.status, headers, len(body), server.service.account.now()) + body
        if reply.damage == "reset_middle":
            self.wfile.write(whole[: len(whole) - len(body) // 2 - 1])
            self._hang_up(reset=True)
            return
        self.wfile.write(whole)

    def _hang_up(self, *, reset: bool) -> None:
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """A sandbox is quiet."""


class Server(ThreadingHTTPServer):
    """The listening socket, and the connections that have to be closed with it."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, service: Service, options: SandboxOptions) -> None:
        """Listens at once, on this machine only."""
        super().__init__(("127.0.0.1", options.port), Handler)
        self.service, self.compress, self.compressor = service, options.compress, Compressor()
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Remember the connection, then handle it in a thread."""
        with self._open_lock:
            self._open.add(cast("socket.socket", request))
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Close without a farewell, so that a connection set to reset is reset."""
        connection = cast("socket.socket", request)
        with self._open_lock:
            self._open.discard(connection)
        connection.close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news; anything else is a fault of the sandbox and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(cast("socket.socket", request), client_address)

    def close(self) -> None:
        """Stop listening and hang up on everybody."""
        self.shutdown()
        self.server_close()
        with self._open_lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # the client was faster
                    continue


class Sandbox:
    """A running sandbox: `with Sandbox(account, options) as sandbox: ... sandbox.url`."""

    def __init__(
        self, account: Account | None = None, options: SandboxOptions | None = None, clock: Clock | None = None
    ) -> None:
        """The default account and options when none are given; nothing listens yet.

        With a clock, all time is taken from it: the account's, the quotas', the cursors', and how long answers take.
        """
        self.account = account or Account()
        self.options = options or SandboxOptions()
        self.service = Service(self.account, self.options, clock)
        self._server: Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Begin to listen and to answer in threads."""
        self._server = Server(self.service, self.options)
        self.service.open()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="sandbox")
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop, and close every connection."""
        if self._server is not None and self._thread is not None:
            self._server.close()
            self._thread.join()
            self._server = self._thread = None
            self.service.close()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        if self._server is None:
            raise RuntimeError("the sandbox is not running; use `with Sandbox(...) as sandbox:`")
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Where queries go."""
        return f"http://127.0.0.1:{self.port}/v2"

    @property
    def control_url(self) -> str:
        """Where control operations go."""
        return f"http://127.0.0.1:{self.port}/control"

    @property
    def token(self) -> str:
        """What Authorization has to say."""
        return self.account.token

    def stats(self) -> Record:
        """Counts of calls, points, refusals and faults."""
        return self.service.record()

    def journal(self) -> list[Record]:
        """Every call with its times and outcome, when the options say that a journal is kept."""
        return self.service.stats.journal()
