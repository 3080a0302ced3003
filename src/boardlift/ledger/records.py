"""What the ledger remembers, as values. A status is an Enum beside its transitions, guarded again by the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from boardlift.errors import CheckResult


class RunKind(Enum):
    """What a run set out to do."""

    SYNC = "sync"
    TEST = "test"
    ROLLBACK = "rollback"


class RunStatus(Enum):
    """Where a run stands. It leaves `running` once, and never comes back."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"  # running -> succeeded: what it set out to do is done
    FAILED = "failed"  # running -> failed: an error ended it
    BLOCKED = "blocked"  # running -> blocked: a check or the contract said no
    CRASHED = "crashed"  # running -> crashed: its process died; somebody else found out

    @property
    def ended(self) -> bool:
        return self is not RunStatus.RUNNING


class ReadAs(Enum):
    """How a board was read in a run."""

    FULL = "full"  # every item
    INCREMENTAL = "incremental"  # what had changed; the rest was taken over from the generation before
    UNCHANGED = "unchanged"  # nothing had changed; the generation before stayed live


class PromotionKind(Enum):
    """Which swap a run intends."""

    PROMOTE = "promote"
    ROLLBACK = "rollback"


class Outcome(Enum):
    """How an intended swap ended. Written once."""

    PROMOTED = "promoted"  # intended -> promoted: the generations are live
    ABANDONED = "abandoned"  # intended -> abandoned: the swap did not take place


class SettledBy(Enum):
    """Who knew the outcome: the run itself, or the destination's marker after a crash."""

    RUN = "run"
    MARKER = "marker"


@dataclass(frozen=True)
class BoardRecord:
    """What a run did to one board. `generation` is None when nothing was staged; `points` are complexity points.

    `reason` says why the board was read as it was; `added`, `changed` and `deleted` count items against the generation
    before, None where nobody compared.
    """

    board_id: str
    board_name: str
    table: str
    rows: int
    columns: int
    generation: int | None
    seconds: float
    calls: int = 0
    points: int = 0
    bytes: int = 0
    retries: int = 0
    quarantined: int = 0
    mode: ReadAs = ReadAs.FULL
    reason: str = ""
    added: int | None = None
    changed: int | None = None
    deleted: int | None = None


@dataclass(frozen=True)
class BoardCheck:
    """One check result and the board it belongs to."""

    board_id: str
    result: CheckResult


@dataclass(frozen=True)
class Promotion:
    """An intended swap and, once known, its outcome. `groups` are (table group, generation) pairs.

    `left` are the table groups whose generation did not go live though others did: the swap took several commits, and
    was stopped between two of them.
    `attempts` counts how often locks were asked for, `blocked_ms` is the longest time a reader can have waited; both
    are unknown when the outcome was learnt after a crash.
    """

    run_id: str
    kind: PromotionKind
    intended_at: datetime
    groups: tuple[tuple[str, int], ...] = ()
    left: tuple[str, ...] = ()
    outcome: Outcome | None = None
    settled_by: SettledBy | None = None
    settled_at: datetime | None = None
    attempts: int | None = None
    blocked_ms: float | None = None
    promoted_at: datetime | None = None


@dataclass(frozen=True)
class Run:
    """One execution, with everything recorded about it so far."""

    id: str
    kind: RunKind
    destination: str
    namespace: str
    holder: str
    status: RunStatus
    started_at: datetime
    ended_at: datetime | None = None
    error: str = ""
    boards: tuple[BoardRecord, ...] = ()
    checks: tuple[BoardCheck, ...] = ()
    promotion: Promotion | None = None


@dataclass(frozen=True)
class Label:
    """A title as it was seen on a board's column; on the board itself when `column_id` is empty."""

    board_id: str
    column_id: str
    title: str
    seen_at: datetime


@dataclass(frozen=True)
class Event:
    """One line of the append-only history."""

    id: int
    at: datetime
    subject: str
    subject_id: str
    event: str
    detail: str
