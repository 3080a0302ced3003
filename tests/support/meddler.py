"""A server between boardlift and a sandbox that may change the bytes of any answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from boardlift.sandbox import Sandbox

Meddle = Callable[[bytes, bytes], bytes]
"""(what was asked, what was answered) -> what arrives."""


@contextmanager
def meddling(sandbox: Sandbox, meddle: Meddle) -> Iterator[str]:
    """The address to call in place of the sandbox's."""
    with httpx.Client(timeout=60) as onwards:

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                asked = self.rfile.read(int(self.headers["Content-Length"]))
                passed = {name: self.headers[name] for name in ("Authorization", "API-Version", "Content-Type")}
                answer = onwards.post(sandbox.url, content=asked, headers=passed)
                body = meddle(asked, answer.content)
                self.send_response(answer.status_code)
                for name in ("content-type", "api-version", "x-request-id", "retry-after"):
                    if name in answer.headers:
                        self.send_header(name, answer.headers[name])
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v2"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
