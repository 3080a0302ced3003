"""What a command has to tell: plain values, made by `app` and shown by `cli`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from boardlift.destinations.interface import Generation, Replacement, SwapOutcome
from boardlift.ledger import Run
from boardlift.normalize.boards import BoardPlan
from boardlift.pipeline import BoardResult, Failure
from boardlift.projection import Projection
from boardlift.shape.change import Change


@dataclass(frozen=True)
class BoardReport:
    """A board in a plan: its tables, what changes against the live generation, what reading it will cost.

    `since` is the moment from which the changes of an incremental board would be read, `reason` why all of it would be.
    `replacements` tells of each table, also of one that vanishes, how it would go live and what stands in its way.
    `day_share` is the part of the day's calls it takes, None when that number is not known. `manner` says how the pages
    of a large board will be read, and why.
    """

    plan: BoardPlan
    live: Generation | None
    changes: tuple[Change, ...]
    calls: int
    points: int
    since: datetime | None = None
    reason: str = ""
    replacements: tuple[Replacement, ...] = ()
    seconds: float = 0.0
    day_share: float | None = None
    manner: str = ""


@dataclass(frozen=True)
class RunReport:
    """A finished run.

    `changes` are differences to the generations that were live before, by board id; `places` how a person names each
    live table, by table name; `outcome` is None when nothing had changed and nothing was swapped. `projection` is what
    was expected before the first page, `left_out` the names of the boards that did not fit into the day, `failed` are
    boards that could not be read and stay as they were.
    """

    run: Run
    boards: tuple[BoardResult, ...]
    outcome: SwapOutcome | None
    changes: Mapping[str, tuple[Change, ...]]
    places: Mapping[str, str]
    settled: tuple[str, ...]
    seconds: float
    calls: int
    points: int
    projection: Projection | None = None
    left_out: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
