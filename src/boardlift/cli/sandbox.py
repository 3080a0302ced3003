"""`boardlift sandbox`: a simulated monday.com account to try everything on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from boardlift.cli.options import AsJson, Debug
from boardlift.cli.output import emit, say
from boardlift.errors import ConfigError

if TYPE_CHECKING:
    from boardlift.sandbox import Fault, SandboxOptions


Latency = Annotated[float, typer.Option("--latency", help="Seconds each call takes.", min=0)]
LatencyPerItem = Annotated[
    float,
    typer.Option(
        "--latency-per-item", help="Seconds more for each item answered; a tenth of it without its cells.", min=0
    ),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", help="Answers worked on at a time; further calls wait. All if left out.", min=1),
]
PlanName = Annotated[
    str | None,
    typer.Option(
        "--plan", help="The quotas of a plan: free, standard, pro or enterprise. Without, they are out of the way."
    ),
]
PointsPerMinute = Annotated[
    int | None, typer.Option("--points-per-minute", help="Complexity points granted a minute.", min=1)
]
CallsPerMinute = Annotated[int | None, typer.Option("--calls-per-minute", help="Calls granted a minute.", min=1)]
CallsPerDay = Annotated[int | None, typer.Option("--calls-per-day", help="Calls granted a day.", min=1)]
Concurrency = Annotated[int | None, typer.Option("--concurrency", help="Calls answered at once.", min=1)]
Failing = Annotated[
    float, typer.Option("--failing", help="Share of the calls that fail: 0.1 is every tenth.", min=0, max=1)
]
Faults = Annotated[
    list[str] | None,
    typer.Option("--fault", help="KIND or KIND:CALL: fail that way, on the first call or that one (repeatable)."),
]


def sandbox(
    port: Annotated[int, typer.Option("--port", help="Port on 127.0.0.1; 0 takes a free one.")] = 8065,
    seed: Annotated[int, typer.Option("--seed", help="The same seed makes the same account.")] = 1,
    size: Annotated[float, typer.Option("--size", help="1 is about 12,000 items.", min=0.01)] = 1.0,
    items: Annotated[
        int | None, typer.Option("--items", help="Instead: one benchmark board with this many items.", min=1)
    ] = None,
    columns: Annotated[int, typer.Option("--columns", help="Columns of the benchmark board.", min=1)] = 30,
    latency: Latency = 0.0,
    latency_per_item: LatencyPerItem = 0.0,
    workers: Workers = None,
    plan: PlanName = None,
    points_per_minute: PointsPerMinute = None,
    calls_per_minute: CallsPerMinute = None,
    calls_per_day: CallsPerDay = None,
    concurrency: Concurrency = None,
    cursor_life: Annotated[float, typer.Option("--cursor-life", help="Seconds a cursor lives.", min=0)] = 3600.0,
    failing: Failing = 0.0,
    fault: Faults = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Serve a simulated monday.com account over HTTP until interrupted.

    Example: boardlift sandbox --plan pro --latency 0.3
    """
    from boardlift.sandbox import Account, Sandbox, serve

    options = _of_plan(plan).with_quotas(
        complexity_per_minute=points_per_minute,
        calls_per_minute=calls_per_minute,
        calls_per_day=calls_per_day,
        concurrency=concurrency,
    )
    options = replace(
        options,
        port=port,
        latency_seconds=latency,
        latency_per_item_seconds=latency_per_item,
        workers=workers,
        cursor_life_seconds=cursor_life,
        failing=failing,
        faults=tuple(_fault(text) for text in fault or ()),
    )

    def ready(running: Sandbox) -> None:
        if as_json:
            emit({"url": running.url, "control_url": running.control_url, "token": running.token})
            return
        say(f"A sandbox account is served at {running.url} until you press Ctrl-C. In another terminal:")
        print(f"export MONDAY_API_TOKEN={running.token}\nboardlift init --url {running.url} --all", flush=True)

    account = Account.benchmark(items, columns, seed=seed) if items else Account(seed=seed, size=size)
    try:
        serve(account, options, ready=ready)
    except OSError as error:
        raise ConfigError(
            f"The sandbox cannot listen on port {port}: {error}.", hint="choose another --port, or 0 for a free one"
        ) from error


def _of_plan(plan: str | None) -> SandboxOptions:
    from boardlift.sandbox import SandboxOptions

    try:
        return SandboxOptions() if plan is None else SandboxOptions.of_plan(plan)
    except ValueError as error:
        raise ConfigError(f"--plan {plan}: {error}.", hint="boardlift sandbox --help") from error


def _fault(text: str) -> Fault:
    from boardlift.sandbox import Fault

    kind, _, call = text.partition(":")
    try:
        return Fault(kind, call=int(call)) if call else Fault(kind)  # type: ignore[arg-type]
    except ValueError as error:
        raise ConfigError(f"--fault {text}: {error}.", hint="docs/reference/cli.md lists the kinds") from error
