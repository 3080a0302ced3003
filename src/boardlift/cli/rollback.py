"""`boardlift rollback`: make a kept generation live again, by the same atomic swap."""

from __future__ import annotations

from typing import Annotated

import typer

from boardlift.cli.errors import FAILED
from boardlift.cli.options import AsJson, Config, Debug, Test, open_app, read_settings
from boardlift.cli.output import emit, say, show, size, waited
from boardlift.errors import UNCHANGED, ConfigError
from boardlift.load.rehearse import Rehearsal
from boardlift.words import count

COLUMNS = ("board_id", "table", "from", "to", "rows")
REHEARSED = ("step", "table", "generation", "rows", "stored", "rehearsed", "seconds", "verdict")


def rollback(
    boards: Annotated[list[str] | None, typer.Argument(help="Boards by id or table name.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every board that is live.")] = False,
    to: Annotated[int | None, typer.Option("--to", help="This generation; the previous one if left out.")] = None,
    forward: Annotated[bool, typer.Option("--forward", help="To the next newer kept generation.")] = False,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Do it on a copy, compare every row, and leave the live tables alone.")
    ] = False,
    config: Config = None,
    test: Test = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make a kept generation live again, in one commit. What is live now is kept, so you can go forward again.

    With --rehearse: exit code 1 if a table of the copy differs from what is stored.

    Example: boardlift rollback planning
    """
    if bool(boards) == everything:
        raise ConfigError("Say which boards to roll back, or --all.", hint="`boardlift generations` lists what is kept")
    if to is not None and forward:
        raise ConfigError("--to and --forward exclude each other.", hint="give one of them")
    with open_app(read_settings(config, token_required=False), test=test) as app:
        groups = app.groups(boards or [])
        if rehearse:
            _tell(app.rehearse(groups, to, forward=forward, announce=_announce), as_json=as_json)
            return
        targets, outcome = app.rollback(groups, to, forward=forward)
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
    say(f"Live since {outcome.promoted_at:%H:%M:%S} UTC; {waited(outcome.blocked_ms, outcome.commits)}.")


def _announce(namespace: str, taken: int) -> None:
    say(
        f"Copying {size(taken)} into {namespace} on the same server, which must have that much room free; "
        "the copy is dropped at the end."
    )


def _tell(rehearsal: Rehearsal, *, as_json: bool) -> None:
    """Print a rehearsal. Exit code 1 when a table differs."""
    rows = [
        {
            "board_id": each.group,
            "step": step,
            "table": each.table,
            "generation": each.generation,
            "rows": each.rows,
            "stored": each.stored,
            "rehearsed": each.rehearsed,
            "seconds": round(each.seconds, 3),
            "verdict": "same" if each.same else "differs",
        }
        for step, tables in (("back", rehearsal.back), ("forward", rehearsal.forward))
        for each in tables
    ]
    if as_json:
        emit(
            {
                "same": rehearsal.same,
                "tables": rows,
                "back": {
                    "seconds": round(rehearsal.back_seconds, 3),
                    "blocked_ms": rehearsal.back_outcome.blocked_ms,
                },
                "forward": {
                    "seconds": round(rehearsal.forward_seconds, 3),
                    "blocked_ms": rehearsal.forward_outcome.blocked_ms,
                },
            }
        )
    else:
        short = [{**row, "stored": str(row["stored"])[:12], "rehearsed": str(row["rehearsed"])[:12]} for row in rows]
        show("", short, REHEARSED, right=("generation", "rows", "seconds"))
        differ = sum(row["verdict"] != "same" for row in rows)
        say(
            f"Rolled back in {rehearsal.back_seconds:.2f} s ({waited(rehearsal.back_outcome.blocked_ms)}), forward in "
            f"{rehearsal.forward_seconds:.2f} s ({waited(rehearsal.forward_outcome.blocked_ms)}); "
            f"{count(len(rows), 'comparison')}, {differ} differ. {UNCHANGED}"
        )
    if not rehearsal.same:
        raise typer.Exit(FAILED)
