"""The examinations of `boardlift doctor`. Each is a function that finds facts and changes nothing."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from boardlift import __version__
from boardlift.app import App
from boardlift.destinations.interface import Finding
from boardlift.errors import BoardliftError
from boardlift.monday.boards import list_boards, read_account
from boardlift.normalize.planning import plan_boards
from boardlift.settings import Loaded, find_config, load

LEAST_FREE_BYTES = 1_000_000_000
MOST_CLOCK_SECONDS = 120


def examine(config: Path | None) -> list[Finding]:
    """Every finding, in the order in which a person would mend them."""
    findings = [_versions()]
    try:
        path = find_config(config)
        loaded = load(path, token_required=False)
    except BoardliftError as error:
        return [*findings, Finding("configuration", False, error.message, error.hint)]
    findings.append(Finding("configuration", True, f"{path}, boards: {len(loaded.settings.boards)}"))
    findings.append(_disk(loaded))
    try:
        loaded = load(path)
    except BoardliftError as error:
        findings.append(Finding("token", False, error.message, error.hint))
    with App(loaded) as app:
        findings += _careful("ledger", lambda: _ledger(app))
        findings += _careful("destination", lambda: iter(app.destination.findings()))
        if loaded.token:
            findings += _careful("monday", lambda: _monday(app))
            findings += _careful("boards", lambda: _boards(app))
    return findings


def _careful(subject: str, look: Callable[[], Iterator[Finding]]) -> list[Finding]:
    found: list[Finding] = []
    try:
        found.extend(look())
    except BoardliftError as error:
        found.append(Finding(subject, False, error.message, error.hint))
    return found


def _versions() -> Finding:
    parts = [f"boardlift {__version__}", f"Python {platform.python_version()}"]
    for package in ("duckdb", "httpx", "psycopg", "adbc-driver-postgresql", "pymysql", "mssql-python", "pyarrow"):
        try:
            parts.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return Finding("versions", True, ", ".join(parts))


def _disk(loaded: Loaded) -> Finding:
    folder = loaded.state_folder
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return Finding(
        "disk",
        free >= LEAST_FREE_BYTES,
        f"{free / 1e9:.1f} GB free for the spool in {loaded.state_folder}",
        f"free at least {LEAST_FREE_BYTES / 1e9:.0f} GB, or set `state:` to a folder on a larger disk",
    )


def _ledger(app: App) -> Iterator[Finding]:
    problems = app.ledger.problems()
    yield Finding(
        "ledger",
        not problems,
        "; ".join(problems) if problems else f"{app.ledger.path} is sound",
        "restore the file from a backup; the destination's own catalogue still says what is live",
    )


def _monday(app: App) -> Iterator[Finding]:
    account = read_account(app.client)
    yield Finding(
        "token", True, f"user {account.user_name} of account {account.name} ({account.tier or 'plan unknown'})"
    )
    served = app.client.served_version
    pinned = app.loaded.settings.account.api_version
    yield Finding(
        "api version",
        served == pinned,
        f"pinned {pinned}, served {served or 'unknown'}",
        "set `account.api_version` to a version that monday still serves",
    )
    told = app.client.server_time
    if told is not None:
        off = abs((datetime.now(UTC) - told).total_seconds())
        yield Finding(
            "clock",
            off <= MOST_CLOCK_SECONDS,
            f"{off:.0f} s away from monday's",
            "set this machine's clock by NTP; watermarks and waits depend on it",
        )


def _boards(app: App) -> Iterator[Finding]:
    readable = list_boards(app.client)
    planned = plan_boards(app.client, app.loaded.settings, app.ledger)
    unknown = [column for plan in planned.boards for column in plan.unknown]
    fact = f"{len(readable)} readable, {len(planned.boards)} to lift (subitem boards counted)"
    if unknown:
        fact += f", {len(unknown)} columns of unknown type"
    yield Finding("boards", True, fact)
