"""`boardlift check`: is what is live whole, and does it still say what monday says?"""

from __future__ import annotations

import typer

from boardlift.cli.errors import FAILED
from boardlift.cli.options import AsJson, Boards, Config, Debug, Test, open_app, read_settings
from boardlift.cli.output import emit, say, show

COLUMNS = ("table", "check", "verdict", "measured", "expected")


def check(
    boards: Boards = None, config: Config = None, test: Test = False, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Compare the live tables with the catalogue and with monday, without loading anything. Exit code 1 if one differs.

    Example: boardlift check
    """
    with open_app(read_settings(config), test=test) as app:
        results = app.check(boards or [])
    rows: list[dict[str, object]] = [
        {
            "table": result.table,
            "check": result.check,
            "verdict": "passed" if result.passed else "differs",
            "measured": result.measured,
            "expected": result.expected,
        }
        for result in results
    ]
    failed = sum(not result.passed for result in results)
    if as_json:
        emit({"passed": not failed, "checks": rows})
    else:
        show("", rows, COLUMNS)
        say(
            f"{len(rows)} checks, {failed} differ."
            + (" `boardlift sync` brings the tables up to date." if failed else "")
        )
    if failed:
        raise typer.Exit(FAILED)
