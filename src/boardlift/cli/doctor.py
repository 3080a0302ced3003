"""`boardlift doctor`: everything a sync needs, looked at one by one, each with its cause and fix."""

from __future__ import annotations

import typer

from boardlift.cli.errors import FAILED
from boardlift.cli.options import AsJson, Config, Debug
from boardlift.cli.output import emit, say, show
from boardlift.destinations.interface import Finding
from boardlift.doctor import examine

COLUMNS = ("subject", "verdict", "fact", "fix")


def doctor(config: Config = None, as_json: AsJson = False, debug: Debug = False) -> None:
    """Look at the token, the API, the boards, the destination, the disk, the clock and the versions.

    Exit code 1 if one of them fails.

    Example: boardlift doctor
    """
    findings = examine(config)
    failed = sum(not finding.ok for finding in findings)
    rows = [_row(finding) for finding in findings]
    if as_json:
        emit({"healthy": not failed, "findings": rows})
    else:
        show("", rows, COLUMNS)
        say("Everything a sync needs is there." if not failed else f"{failed} of {len(rows)} need a hand; see `fix`.")
    if failed:
        raise typer.Exit(FAILED)


def _row(finding: Finding) -> dict[str, object]:
    return {
        "subject": finding.subject,
        "verdict": "ok" if finding.ok else "FAILS",
        "fact": finding.fact,
        "fix": "" if finding.ok else finding.fix,
    }
