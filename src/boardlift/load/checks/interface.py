"""What a check sees and says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from boardlift.destinations.interface import StagedRef, TableFacts
from boardlift.errors import CheckResult


@dataclass(frozen=True)
class Expectation:
    """What the source counted. People work while a board is read, so it is a range: counted before, counted after.

    `received` is what actually came over the wire; `note` explains a range narrowed by test mode, or what people did
    meanwhile. `explained` is False when somebody looked into a difference and found no explanation.
    """

    least: int
    most: int
    received: int
    note: str = ""
    explained: bool = True


@dataclass(frozen=True)
class Evidence:
    """Everything the checks of one table group may look at. Measured once, before any of them runs.

    `gone` is how many live rows vanish, None where that was not counted.
    """

    main: str
    tables: Mapping[str, tuple[StagedRef, TableFacts]]
    appended: Mapping[str, int]
    expected: Expectation
    live_rows: int | None
    max_shrink: float
    gone: int | None = None
    max_deletes: float = 0.1


Check = Callable[[Evidence], list[CheckResult]]
"""A check looks at the evidence and yields one result for each table it speaks of."""
