"""`boardlift listen`: receive webhooks, and sync the boards they speak of within seconds."""

from __future__ import annotations

import os
import re
import signal
from types import FrameType
from typing import Annotated

import typer

from boardlift.cli.errors import hidden, hide
from boardlift.cli.options import Config, Debug, LogJson, open_app, read_settings
from boardlift.cli.progress import Lines
from boardlift.errors import ConfigError, Interrupted, is_interrupt
from boardlift.logs import open_log

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def listen(
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on; a proxy on this machine reaches the default.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", help="Port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 8066,
    quiet_for: Annotated[
        float, typer.Option("--quiet-for", help="Sync when this many seconds passed without an event.", min=0)
    ] = 2.0,
    at_most: Annotated[
        float, typer.Option("--at-most", help="Sync at the latest this many seconds after the first event.", min=0)
    ] = 15.0,
    every: Annotated[
        str, typer.Option("--every", help="Also sync all boards this often, such as 30m, 1h or 1d; never if left out.")
    ] = "",
    public_url: Annotated[
        str,
        typer.Option("--public-url", help="The address monday.com was given; a token meant for another is refused."),
    ] = "",
    config: Config = None,
    log_json: LogJson = False,
    debug: Debug = False,
) -> None:
    """Receive webhooks of monday.com, and sync the boards they speak of within seconds, until interrupted.

    Webhooks have to be signed with the app's secret, which MONDAY_SIGNING_SECRET holds; without it they have to come
    to an address that nobody can guess.

    Example: boardlift listen --every 1h
    """
    from boardlift.listen.guard import PATH, SEGMENT_FILE, Signed, guard_from
    from boardlift.listen.listener import Rhythm
    from boardlift.listen.service import listen as serve

    rhythm = Rhythm(quiet=quiet_for, at_most=max(at_most, quiet_for), every=_seconds(every) if every else None)
    loaded = read_settings(config)
    guard = guard_from(os.environ, loaded.state_folder, audience=public_url)
    hide(guard.secret.reveal())
    log = open_log(as_json=log_json, secrets=hidden())
    kept = "" if isinstance(guard, Signed) else f"/SEGMENT, kept in {loaded.state_folder / SEGMENT_FILE}"
    log.info("address", path=f"{PATH}{kept}")
    progress = Lines(as_json=log_json, secrets=hidden())
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        serve(lambda: open_app(loaded, progress=progress), guard, (host, port), rhythm, log)
    except BaseException as error:
        if not is_interrupt(error):
            raise
        log.info("stopped", during_sync=error.message if isinstance(error, Interrupted) else "no")
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """A service manager's stop is Ctrl-C."""
    raise KeyboardInterrupt


def _seconds(text: str) -> float:
    """`90s`, `30m`, `1h`, `1d`. Raises ConfigError for anything else and for less than a second."""
    found = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)([smhd])", text.strip())
    if found is None or (seconds := float(found[1]) * _UNITS[found[2]]) < 1:
        raise ConfigError(f"--every {text!r} is no length of time.", hint="write it like 90s, 30m, 1h or 1d")
    return seconds
