"""The sandbox as a process of its own: `python -m boardlift.sandbox --items 100000 --columns 30`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence

from .account import Account
from .options import SandboxOptions
from .server import Sandbox


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    made = argparse.ArgumentParser(
        prog="python -m boardlift.sandbox", description="A simulated monday.com account over HTTP."
    )
    made.add_argument("--items", type=int, help="one benchmark board (or --boards of them) with this many items")
    made.add_argument("--columns", type=int, default=30, help="columns of a benchmark board")
    made.add_argument("--boards", type=int, default=1, help="how many benchmark boards")
    made.add_argument("--size", type=float, default=1.0, help="size of the default account (about 12,000 items at 1.0)")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--port", type=int, default=0, help="0 picks a free port")
    made.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    made.add_argument("--latency-per-item", type=float, default=0.0, help="seconds for every item of an answer")
    made.add_argument("--complexity-per-minute", type=int, default=SandboxOptions().complexity_per_minute)
    made.add_argument("--calls-per-minute", type=int, default=SandboxOptions().calls_per_minute)
    made.add_argument("--concurrency", type=int, default=SandboxOptions().concurrency)
    made.add_argument("--no-compress", action="store_true", help="never gzip")
    made.add_argument("--stop-with-parent", action="store_true", help="stop when stdin is closed")
    return made


def account_of(given: argparse.Namespace) -> Account:
    """The account the options ask for."""
    if given.items is None:
        return Account(seed=given.seed, size=given.size)
    if given.boards == 1:
        return Account.benchmark(given.items, given.columns, seed=given.seed)
    return Account.many(given.boards, given.items, given.columns, seed=given.seed)


def options_of(given: argparse.Namespace) -> SandboxOptions:
    """The server's options."""
    return SandboxOptions(
        port=given.port,
        latency_seconds=given.latency,
        latency_per_item_seconds=given.latency_per_item,
        compress=not given.no_compress,
        complexity_per_minute=given.complexity_per_minute,
        calls_per_minute=given.calls_per_minute,
        concurrency=given.concurrency,
    )


def serve(
    account: Account | None = None,
    options: SandboxOptions | None = None,
    *,
    ready: Callable[[Sandbox], None] = lambda _sandbox: None,
    stop: threading.Event | None = None,
) -> None:
    """Serve until `stop` is set or Ctrl-C; `ready` is told when the server answers."""
    stop = stop or threading.Event()
    with Sandbox(account, options) as sandbox:
        ready(sandbox)
        try:
            # A wait without an end cannot be interrupted on Windows.
            while not stop.wait(0.5):
                pass
        except KeyboardInterrupt:
            return


def announce(sandbox: Sandbox) -> None:
    """One JSON line on stdout for the process that started us."""
    line = {
        "url": sandbox.url,
        "control_url": sandbox.control_url,
        "token": sandbox.token,
        "pid": os.getpid(),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    given = parser().parse_args(arguments)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    if given.stop_with_parent:

        def watch() -> None:
            sys.stdin.read()
            stop.set()

        threading.Thread(target=watch, daemon=True).start()
    serve(account_of(given), options_of(given), ready=announce, stop=stop)
