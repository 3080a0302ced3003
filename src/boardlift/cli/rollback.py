"""`boardlift rollback`: make a kept generation live again, by the same atomic swap."""

from __future__ import annotations

from typing import Annotated

import typer

from boardlift.cli.options import AsJson, Config, Debug, Test, open_app, read_settings
from boardlift.cli.output import emit, say, show, waited
from boardlift.errors import ConfigError

COLUMNS = ("board_id", "table", "from", "to", "rows")


def rollback(
    boards: Annotated[list[str] | None, typer.Argument(help="Boards by id or table name.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every board that is live.")] = False,
    to: Annotated[int | None, typer.Option("--to", help="This generation; the previous one if left out.")] = None,
    forward: Annotated[bool, typer.Option("--forward", help="To the next newer kept generation.")] = False,
    config: Config = None,
    test: Test = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make a kept generation live again, in one commit. What is live now is kept, so you can go forward again.

    Example: boardlift rollback planning
    """
    if bool(boards) == everything:
        raise ConfigError("Say which boards to roll back, or --all.", hint="`boardlift generations` lists what is kept")
    if to is not None and forward:
        raise ConfigError("--to and --forward exclude each other.", hint="give one of them")
    with open_app(read_settings(config, token_required=False), test=test) as app:
        targets, outcome = app.rollback(app.groups(boards or []), to, forward=forward)
    rows: list[dict[str, object]] = [
        {
            "board_id": target.after.group,
            "table": target.after.tables[0].name,
            "from": target.before.number,
            "to": target.after.number,
            "rows": target.after.rows,
        }
        for target in targets
    ]
    if as_json:
        emit({"rolled_back": rows, "blocked_ms": outcome.blocked_ms, "promoted_at": outcome.promoted_at})
        return
    show("", rows, COLUMNS, right=COLUMNS[2:])
    say(f"Live since {outcome.promoted_at:%H:%M:%S} UTC; {waited(outcome.blocked_ms)}.")
