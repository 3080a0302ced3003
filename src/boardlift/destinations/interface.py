"""What a destination must be able to do. An engine is a file or folder that fulfils `Destination`, and a registration.

A destination keeps two namespaces (a "schema" in SQL words): the *live* one, which readers query, and a *hidden* one
beside it (`<live>__boardlift`), which holds staged tables, kept generations and the generation catalogue. The catalogue
is written in the same transaction as the swap; after a crash it, and nothing else, says what is live.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from boardlift.shape.table import Table


class ArrowStream(Protocol):
    """Anything that speaks the Arrow PyCapsule interface: typed rows on their way, never cells in Python."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


@dataclass(frozen=True)
class Capabilities:
    """What the engine can promise, as a value the planner and the docs read."""

    engine: str
    transactional_ddl: bool
    one_commit_for_many_boards: bool
    column_comments: bool
    max_columns: int
    max_identifier_bytes: int
    swap: str  # one sentence: how a generation goes live, and what a reader may notice
    crash: str = ""  # one sentence: what is true when the server or the connection dies in the middle of a swap
    in_place: str = ""  # one sentence: how `replace: in_place` works here; empty when it is not offered
    keeps: tuple[str, ...] = ()  # what readers and administrators put on live tables that a swap carries over
    same_keys: str = ""  # one sentence: which texts of a key are one here though they differ; empty when none are
    tables_in_one_commit: int = 0  # live tables that one commit surely replaces, lest readers wait; 0: no limit
    limits: tuple[str, ...] = ()  # other limits a person must know: bytes in a row, length of a key, precision


class Replace(Enum):
    """How a generation takes the place of the live one.

    SWAP: the staged tables become the live ones. IN_PLACE: the live tables are emptied and filled again from the
    staged ones in one transaction, so that their identity, and all that hangs on it, never changes.
    """

    SWAP = "swap"
    IN_PLACE = "in_place"


@dataclass(frozen=True)
class Replacement:
    """How one table will go live, found out by reading the engine's catalogue and nothing else.

    `why` is a sentence for `boardlift plan`; `carried` names what will be re-created or bound again, object by object;
    `obstacles` names what cannot be kept, each with its way out. With an obstacle `promote` would refuse.
    """

    table: str
    way: Replace
    why: str
    carried: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()


class State(Enum):
    """Where a generation of a table group stands. live <-> kept by swaps; kept -> gone by retention."""

    LIVE = "live"
    KEPT = "kept"


@dataclass(frozen=True)
class StoredTable:
    """One table of a stored generation: its live name, its name in the hidden namespace, what it holds."""

    name: str
    hidden_name: str
    rows: int
    fingerprint: str


@dataclass(frozen=True)
class Generation:
    """One numbered, sealed copy of a table group, as the destination's catalogue records it."""

    group: str
    number: int
    state: State
    run_id: str
    promoted_at: datetime
    tables: tuple[StoredTable, ...]

    @property
    def rows(self) -> int:
        """Rows of the main table, which is stored first."""
        return self.tables[0].rows if self.tables else 0


@dataclass(frozen=True)
class StagedRef:
    """A staged table: `table` is what it will be called and look like, `hidden_name` where it lies now."""

    group: str
    generation: int
    table: Table
    hidden_name: str


@dataclass(frozen=True)
class TableFacts:
    """What one scan of a staged table found: rows, rows with a null in the key, distinct values of the key."""

    rows: int
    null_keys: int
    distinct_keys: int


@dataclass(frozen=True)
class StagedGroup:
    """A complete staged generation of one table group, main table first, with the rows each table holds."""

    group: str
    generation: int
    tables: tuple[tuple[StagedRef, int], ...]
    replace: Replace = Replace.SWAP


@dataclass(frozen=True)
class SwapOutcome:
    """`blocked_ms` is the longest time the swap held its locks, in milliseconds: the most a reader can have waited.

    `attempts` counts how often locks were asked for; `promoted_at` is the time written into the catalogue; `commits` is
    more than one where the boards of a run were too many for one.
    """

    promoted_at: datetime
    attempts: int
    blocked_ms: float
    commits: int = 1


@dataclass(frozen=True)
class Finding:
    """One line of `boardlift doctor`: a fact, whether it is as it should be, and the fix if not."""

    subject: str
    ok: bool
    fact: str
    fix: str = ""


class Destination(Protocol):
    """A database that boardlift can stage into, swap in and roll back. Not thread-safe; one run uses one.

    Every method raises DestinationError (or a subclass) with the engine's own words as the cause.
    """

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def identity(self) -> str:
        """Engine, host and database for people and the ledger; never a secret."""
        ...

    @property
    def namespace(self) -> str:
        """The live namespace."""
        ...

    def address(self, table: str) -> str:
        """How a person writes a live table in this engine's SQL, quoted: `"monday"."planning"`."""
        ...

    def lease(self, holder: str) -> AbstractContextManager[None]:
        """Hold the only right to write here. Raises LeaseHeld with the other holder when it is taken.

        The engine itself frees it when the holding process dies.
        """
        ...

    def prepare(self) -> None:
        """Make both namespaces and the catalogue if they are missing. Safe to repeat."""
        ...

    def generations(self, group: str | None = None) -> list[Generation]:
        """All stored generations (of one group), newest first within a group. Empty before the first run."""
        ...

    def stage(self, group: str, generation: int, table: Table) -> StagedRef:
        """Create an empty staged table in the hidden namespace, dropping a leftover of the same name."""
        ...

    def stage_all(self, wanted: Sequence[tuple[str, int, Table]]) -> list[StagedRef]:
        """`stage` for many tables, given as (group, generation, table); the refs in that order."""
        ...

    def append(self, staged: StagedRef, rows: ArrowStream) -> int:
        """Add rows by the engine's bulk path; the stream's columns are the table's, by position. Returns the count."""
        ...

    def distribute(self, staged: Mapping[int, StagedRef], rows: ArrowStream) -> dict[int, int]:
        """Add rows to several tables that have the same columns, of which each gets few.

        The first column of the stream (INTEGER) is the number of the table in `staged`, the others are the table's, by
        position. Returns how many rows each got.
        """
        ...

    def complete(self, staged: Sequence[tuple[StagedRef, int]]) -> None:
        """All rows have come to these staged tables, each with its number of rows, but for a few at most.

        A promotion is not due yet, and there may be time: what it would do to them first can be done now. What fails
        is left to it, and nothing is raised.
        """
        ...

    def measure(self, staged: StagedRef) -> TableFacts:
        """Count a staged table in as few scans as the engine allows."""
        ...

    def measure_all(self, staged: Sequence[StagedRef]) -> list[TableFacts]:
        """`measure` for many tables, in their order."""
        ...

    def foreign_tables(self, names: Iterable[str]) -> list[str]:
        """Those of `names` that exist in the live namespace but were not put there by boardlift."""
        ...

    def replacements(self, group: str, tables: Sequence[Table], replace: Replace) -> list[Replacement]:
        """How these tables of a group, and those of its live generation that vanish, would go live. Changes nothing.

        A table that is not live yet is listed, too, with nothing carried.
        """
        ...

    def replacements_all(self, groups: Sequence[tuple[str, Sequence[Table], Replace]]) -> list[list[Replacement]]:
        """`replacements` for many groups, in their order."""
        ...

    def tied_tables(self) -> list[tuple[str, str]]:
        """Pairs of live tables that must be replaced in one commit, as two with a foreign key between them must."""
        ...

    def promote(self, run_id: str, groups: Sequence[StagedGroup]) -> SwapOutcome:
        """Make all staged groups live in one commit; what was live becomes kept. All or nothing.

        A group with `replace=IN_PLACE` is refilled in the same transaction; a copy of its generation stays in the
        hidden namespace, so that it can be rolled back to like any other.

        Raises PromotionConflict when locks are not granted in time, DependentObject when something would be lost.
        """
        ...

    def rollback(self, run_id: str, targets: Sequence[tuple[str, int]]) -> SwapOutcome:
        """Make the kept generation `number` of each group live again, in one commit; what was live becomes kept.

        A group whose live tables were filled in place is refilled in place.
        """
        ...

    def copy(
        self,
        group: str,
        generation: int,
        table: str,
        into: StagedRef,
        namespace: str,
        without: Collection[int] = (),
    ) -> int:
        """Fill `into`, staged on the same server in `namespace`, by us or another, from a stored table of ours.

        Both have the same columns in the same order. Rows whose `item_id` is in `without` stay behind; there may be
        hundreds of thousands. Returns the rows. Runs in the engine; no row comes here.
        """
        ...

    def contents(self, group: str, generation: int) -> dict[str, str]:
        """A fingerprint of every row of every table of a stored generation, by table name, made by the engine.

        It does not depend on the order of rows; two tables have the same one exactly if they hold the same rows.
        """
        ...

    def sizes(self) -> dict[tuple[str, int], int]:
        """Bytes that each stored generation takes, indexes included, by (group, generation), as the engine knows it."""
        ...

    def discard(self) -> None:
        """Drop both namespaces with all that boardlift put there. For rehearsals; refused where a foreign table is."""
        ...

    def drop_staged(self) -> list[str]:
        """Remove every table of the hidden namespace that the catalogue does not know. Returns their names."""
        ...

    def retain(self, group: str, keep: int) -> list[int]:
        """Drop the oldest kept generations so that `keep` remain, the live one counted. Returns dropped numbers."""
        ...

    def query(self, sql: str) -> tuple[list[str], list[tuple[object, ...]]]:
        """Run one read-only statement written by a person; column names and rows. For `demo`, `check` and tests."""
        ...

    def findings(self) -> list[Finding]:
        """Reachable? writable? version? For `doctor`."""
        ...

    def close(self) -> None: ...


def hidden_namespace(namespace: str) -> str:
    """The namespace beside the live one that readers have no business in."""
    return f"{namespace}__boardlift"


def hidden_name(table: str, generation: int) -> str:
    """The name of a table of a generation that is not live: `planning__g12`."""
    return f"{table}__g{generation}"
