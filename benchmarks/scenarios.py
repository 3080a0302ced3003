"""How near are whole runs to what the API allows? The scenarios of scenarios.toml, each against its floor.

    python benchmarks/scenarios.py
    python benchmarks/scenarios.py --only a,c --latency real --prefer calls
    python benchmarks/scenarios.py --plot docs/explanation/limits.png

A simulated account with the quotas of a plan and with a latency serves each run, in a process of its own and fresh, so
that every run begins with full quotas. The floor of a scenario is the largest of three times that no reader can beat:

- calls: the fewest pages there can be, each as long as an answer takes, as many at once as the plan allows;
- points: what the items cost, at the plan's points a minute (the first minute's are there at once: `burst`);
- load: the bare script of `run.py` for as many items, without latency and quotas.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import textwrap
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from boardlift.monday.quotas import POINTS_PER_OBJECT
from boardlift.sandbox.plans import plan_of
from run import HERE, ROOT, Account, Contender, bare, measure, sandbox

PAGE = 500


@dataclass(frozen=True)
class Scenario:
    """One entry of scenarios.toml."""

    name: str
    title: str
    boards: int
    items: int
    columns: int
    changed: float = 0.0
    deleted: float = 0.0

    @property
    def pages(self) -> int:
        return self.boards * -(-self.items // PAGE)

    @property
    def points(self) -> int:
        """The item, its group and its cells, and the board and the page around a page."""
        cells = self.boards * self.items * (2 + self.columns)
        return POINTS_PER_OBJECT * (cells + 2 * self.boards)


@dataclass(frozen=True)
class Latency:
    """How long an answer takes."""

    name: str
    seconds: float
    seconds_per_item: float

    def of_page(self, items: int) -> float:
        return self.seconds + self.seconds_per_item * items


@dataclass(frozen=True)
class Result:
    """What one run took, beside its floors in seconds."""

    scenario: str
    title: str
    latency: str
    seconds: float
    peak: float
    calls: int
    fewest: int
    points: int
    refused: int
    calls_floor: float
    points_floor: float
    burst_floor: float
    load_floor: float

    @property
    def floor(self) -> float:
        return max(self.calls_floor, self.points_floor, self.load_floor)


@contextmanager
def served(scenario: Scenario, latency: Latency, plan: str) -> Iterator[tuple[Account, str]]:
    """The account of a scenario; out: it, and the address of its control door."""
    command = [
        *(sys.executable, "-m", "boardlift.sandbox", "--warm", "--plan", plan),
        *("--boards", str(scenario.boards), "--items", str(scenario.items), "--columns", str(scenario.columns)),
        *("--latency", str(latency.seconds), "--latency-per-item", str(latency.seconds_per_item)),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield Account(told["url"], told["token"], psutil.Process(process.pid)), told["control_url"]
    finally:
        process.terminate()
        process.wait()


def control(address: str, token: str, **request: object) -> object:
    body = json.dumps(request).encode()
    call = urllib.request.Request(address, body, {"Authorization": token, "Content-Type": "application/json"})
    with urllib.request.urlopen(call, timeout=60) as answer:
        return json.loads(answer.read())["result"]


def counted(address: str, token: str) -> tuple[int, int, int]:
    """Calls, points and refusals so far, as the account counts them."""
    stats = control(address, token, op="stats")
    assert isinstance(stats, dict)
    return stats["calls"], stats["points"], sum(stats["refusals"].values())


def sync(account: Account, folder: Path, prefer: str, mode: str) -> tuple[float, float]:
    """A whole `boardlift sync`; out: seconds, and MiB at the peak."""
    config = {
        "account": {"url": account.url, "prefer": prefer},
        "destination": "duckdb:///warehouse.duckdb",
        **({"defaults": {"mode": mode}} if mode != "full" else {}),
    }
    (folder / "boardlift.yaml").write_text(json.dumps(config))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "MONDAY_API_TOKEN": account.token}
    command = [sys.executable, "-m", "boardlift", "sync", "--quiet"]
    started = time.perf_counter()
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"boardlift failed:\n{(folder / 'output').read_text(errors='replace')[-3000:]}")
    return seconds, usage.ru_maxrss / (1024 if sys.platform == "darwin" else 1) / 1024


def edit(scenario: Scenario, address: str, token: str, *, lose_log: bool) -> None:
    """Change and delete the scenario's share of the items of its board; other items each time."""
    boards = control(address, token, op="boards")
    assert isinstance(boards, list)
    board = max(boards, key=lambda each: each["items"])["id"]
    changed, deleted = round(scenario.items * scenario.changed), round(scenario.items * scenario.deleted)
    ids = control(address, token, op="items", board=board, limit=scenario.items)
    assert isinstance(ids, list)
    step = max(1, len(ids) // (changed + deleted))
    chosen = ids[int(lose_log) :: step][: changed + deleted]
    for number, item in enumerate(chosen):
        if number < deleted:
            control(address, token, op="delete_item", item=item)
        else:
            control(address, token, op="rename_item", item=item, name=f"changed {number}")
    if lose_log:
        control(address, token, op="lose_log", board=board)


def floors(scenario: Scenario, latency: Latency, plan: str, load: float) -> tuple[float, float, float, float]:
    quotas = plan_of(plan)
    items = scenario.items if scenario.items < PAGE else PAGE
    calls = scenario.pages * latency.of_page(items) / quotas.concurrency
    minutes = scenario.points / quotas.complexity_per_minute
    burst = 60.0 * (-(-scenario.points // quotas.complexity_per_minute) - 1)
    return max(calls, latency.of_page(items)), 60 * minutes, burst, load


def run(scenario: Scenario, latency: Latency, plan: str, load: float, prefer: str) -> list[Result]:
    """The runs of a scenario: one, or, where something changes, one in full, one of what changed, and one of what
    changed when the log has been lost, which makes a sweep necessary."""
    results = []
    stages = (": in full", "", ", the log lost: with a sweep") if scenario.changed else ("",)
    with served(scenario, latency, plan) as (account, address), tempfile.TemporaryDirectory() as name:
        before = (0, 0, 0)
        for number, stage in enumerate(stages):
            if number:
                edit(scenario, address, account.token, lose_log=number > 1)
                control(address, account.token, op="advance", seconds=600)
                before = counted(address, account.token)
            seconds, peak = sync(account, Path(name), prefer, "incremental" if scenario.changed else "full")
            calls, points, refused = (
                now - then for now, then in zip(counted(address, account.token), before, strict=True)
            )
            part, fewest = scenario, scenario.pages
            if number:
                part = Scenario("delta", "", 1, round(scenario.items * scenario.changed), scenario.columns)
                gone = -(-round(scenario.items * scenario.deleted) // 100)
                fewest = part.pages + gone + 1 + (scenario.pages if number > 1 else 0)
            times = floors(part, latency, plan, load)
            title = f"{scenario.title}{stage}"
            results.append(
                Result(scenario.name, title, latency.name, seconds, peak, calls, fewest, points, refused, *times)
            )
            print(f"{title}, {latency.name}: {seconds:.1f} s, {calls} calls, {points:,} points", file=sys.stderr)
    return results


def table(results: list[Result]) -> str:
    lines = [
        "| scenario | latency | seconds | floor | ratio | with burst | calls | fewest pages | refused | peak, MiB |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for each in results:
        burst = max(each.calls_floor, each.burst_floor, each.load_floor)
        lines.append(
            f"| {each.scenario}: {each.title} | {each.latency} | {each.seconds:.1f} | {each.floor:.1f} | "
            f"{each.seconds / each.floor:.2f} | {each.seconds / burst:.2f} | {each.calls} | {each.fewest} | "
            f"{each.refused} | {each.peak:.0f} |"
        )
    return "\n".join(lines)


def plot(results: list[Result], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = [
        textwrap.fill(f"{each.scenario}: {each.title}{'' if each.latency == 'real' else ', no latency'}", 34)
        for each in results
    ][::-1]
    figure, axes = pyplot.subplots(figsize=(9, 0.6 * len(results) + 1.2), layout="constrained")
    places = range(len(results))
    parts = [
        ("load", [each.load_floor for each in results][::-1], "#9ecae1"),
        ("points", [each.points_floor for each in results][::-1], "#fdae6b"),
        ("calls", [each.calls_floor for each in results][::-1], "#a1d99b"),
    ]
    for row, (label, values, color) in enumerate(parts):
        axes.barh([place - 0.25 + 0.25 * row for place in places], values, 0.22, label=f"floor: {label}", color=color)
    axes.scatter([each.seconds for each in results][::-1], places, color="black", marker="D", s=18, label="boardlift")
    axes.set_yticks(list(places), names)
    axes.set_xscale("log")
    axes.set_xlabel("seconds (logarithmic)")
    axes.legend(loc="lower right", fontsize=8)
    figure.savefig(path, dpi=110)


def bare_seconds(items: int) -> float:
    """The bare script for as many items in one board, without latency or quotas; the better of two runs."""
    with sandbox(items) as account:
        return min(measure(Contender("bare", bare), account, None).seconds for _ in range(3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="a,b,c,d,e")
    parser.add_argument("--latency", default="none,real")
    parser.add_argument("--prefer", choices=("auto", "calls", "time"), default="auto")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--json", type=Path, help="keep the figures here")
    arguments = parser.parse_args()
    pinned = tomllib.loads((HERE / "scenarios.toml").read_text())
    plan, columns = pinned["account"]["plan"], pinned["account"]["columns"]
    loads: dict[int, float] = {}
    results: list[Result] = []
    for name in arguments.only.split(","):
        scenario = Scenario(name, columns=columns, **pinned["scenario"][name])
        total = scenario.boards * scenario.items
        loads.setdefault(total, bare_seconds(total))
        for latency in arguments.latency.split(","):
            times = Latency(latency, **pinned["latency"][latency])
            results += run(scenario, times, plan, loads[total], arguments.prefer)
    print(table(results))
    if arguments.plot:
        plot(results, arguments.plot)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(each) for each in results], indent=1))


if __name__ == "__main__":
    main()
