"""The sandbox as a process of its own: `python -m boardlift.sandbox --items 100000 --columns 30`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from .account import Account
from .options import FILTER_FORMS, SandboxOptions
from .plans import PLANS
from .server import Sandbox

QUOTAS = ("complexity_per_minute", "calls_per_minute", "calls_per_day", "concurrency")


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
    made.add_argument("--latency", type=float, default=0.0, help="seconds an answer takes")
    made.add_argument("--latency-per-item", type=float, default=0.0, help="seconds more for every item with its cells")
    made.add_argument("--workers", type=int, help="answers worked on at a time; all of them if left out")
    made.add_argument("--plan", choices=sorted(PLANS), help="the quotas of a plan; without, they stand in nobody's way")
    made.add_argument("--complexity-per-minute", type=int, help="over the plan's")
    made.add_argument("--calls-per-minute", type=int, help="over the plan's")
    made.add_argument("--calls-per-day", type=int, help="over the plan's")
    made.add_argument("--concurrency", type=int, help="over the plan's")
    made.add_argument("--cursor-life", type=float, default=SandboxOptions().cursor_life_seconds, help="in seconds")
    made.add_argument("--failing", type=float, default=0.0, help="share of calls that fail with 5xx or 429")
    made.add_argument("--filter-forms", default=",".join(sorted(FILTER_FORMS)), help="ranges over times that are taken")
    made.add_argument("--journal", action="store_true", help="keep a record of every call for the control door")
    made.add_argument("--warm", action="store_true", help="sort every board by its times before answering")
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
    options = SandboxOptions.of_plan(given.plan) if given.plan else SandboxOptions()
    return replace(
        options.with_quotas(**{name: getattr(given, name) for name in QUOTAS}),
        port=given.port,
        latency_seconds=given.latency,
        latency_per_item_seconds=given.latency_per_item,
        workers=given.workers,
        compress=not given.no_compress,
        cursor_life_seconds=given.cursor_life,
        failing=given.failing,
        filter_forms=frozenset(filter(None, given.filter_forms.split(","))),
        journal=given.journal,
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
    account = account_of(given)
    if given.warm:
        account.warm()
    serve(account, options_of(given), ready=announce, stop=stop)
