"""Many items that vanish at once are more often an accident, on the board or on the way, than the truth."""

from __future__ import annotations

import math

from boardlift.errors import CheckResult
from boardlift.load.checks.interface import Evidence

ALWAYS = 25
"""So many rows may vanish from any table, however small."""


def braked(evidence: Evidence) -> list[CheckResult]:
    """No more than `max_deletes` of the live rows vanish. Only of boards where somebody counted who vanished."""
    if evidence.gone is None or evidence.live_rows is None:
        return []
    most = max(ALWAYS, math.floor(evidence.live_rows * evidence.max_deletes + 1e-9))
    return [
        CheckResult(
            check="mass_delete",
            table=evidence.main,
            passed=evidence.gone <= most,
            measured=f"{evidence.gone} of {evidence.live_rows} live rows vanish",
            expected=f"at most {most}: {evidence.max_deletes:.0%} of the live rows, or {ALWAYS}",
        )
    ]
