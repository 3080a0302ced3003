"""SQLite: one file beside the readers' program, live tables that are swapped by renaming, readers that never wait.

SQLite has no schemas; a namespace is the beginning of a name (see `sqlite_names`). Everything in a file, views,
triggers and foreign keys too, refers to tables by name, so a rename under `legacy_alter_table` leaves them all where
they point.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from boardlift.clock import Clock, SystemClock
from boardlift.destinations import catalogue
from boardlift.destinations.catalogue import CatalogueRow, SwapPlan
from boardlift.destinations.interface import (
    ArrowStream,
    Capabilities,
    Destination,
    Finding,
    Generation,
    Replace,
    Replacement,
    StagedGroup,
    StagedRef,
    State,
    StoredTable,
    SwapOutcome,
    TableFacts,
)
from boardlift.destinations.one_by_one import OneByOne
from boardlift.destinations.sqlite import contents as sqlite_contents
from boardlift.destinations.sqlite import locks as sqlite_locks
from boardlift.destinations.sqlite.ddl import copy_statement, create_statement
from boardlift.destinations.sqlite.file import Patience, Rows, SQLiteFile, read_url
from boardlift.destinations.sqlite.load import Caster, in_parts, insert, loosen, take_back
from boardlift.destinations.sqlite.names import Names, names_of
from boardlift.destinations.sqlite.plan import plan_replacements
from boardlift.destinations.sqlite.query import read_only
from boardlift.destinations.sqlite.schema import columns_of, folded, things
from boardlift.destinations.sqlite.swap import Swaps, forget_titles
from boardlift.errors import DestinationError, PromotionConflict
from boardlift.shape.sql import COMMA, SQL, Identifier, Literal
from boardlift.shape.table import Table

CAPABILITIES = Capabilities(
    engine="SQLite",
    transactional_ddl=True,
    one_commit_for_many_boards=True,
    column_comments=False,
    max_columns=2000,
    max_identifier_bytes=255,
    swap="One transaction renames the old tables out and the new ones in; in write-ahead mode no reader waits.",
    crash="SQLite takes back what was not committed when the file is next opened, so old or new is whole.",
    in_place="One transaction empties and refills the live table, and makes it anew under its name if its columns "
    "changed; triggers are lifted off meanwhile and do not fire.",
    keeps=("views", "triggers", "indexes", "foreign keys pointing in"),
    limits=(
        "one writer at a time in a file; readers in other processes need the same machine",
        "decimals, dates and instants are text; NaN is refused",
        "titles of columns are in the table <namespace>__boardlift__titles: SQLite has no comments",
    ),
)


def connect(url: str, namespace: str) -> Destination:
    """The SQLite file that `url` names; nothing is opened yet. Raises ConfigError for a URL that cannot be meant."""
    return SQLite(url, namespace)


class SQLite(OneByOne):
    """One SQLite file and one live namespace in it."""

    capabilities = CAPABILITIES

    def __init__(
        self, url: str, namespace: str, *, patience: Patience | None = None, clock: Clock | None = None
    ) -> None:
        self._clock = clock or SystemClock()
        self._file = SQLiteFile(read_url(url), self._clock, patience)
        self._names: Names = names_of(namespace)
        self._swaps = Swaps(self._file, self._names)
        self._caster: Caster | None = None
        self.namespace = namespace

    @property
    def identity(self) -> str:
        return self._file.identity

    def address(self, table: str) -> str:
        return Identifier(self._names.live(table)).text

    @contextmanager
    def lease(self, holder: str) -> Iterator[None]:
        self._file.refuse_hopeless()
        with sqlite_locks.lease(self._file.path, self.namespace, holder, self._clock):
            yield

    # -- what is there

    def prepare(self) -> None:
        self._file.connection()
        self._file.use_wal()
        if self._has(self._names.catalogue) and self._has(self._names.titles):
            return
        with self._file.transaction("be prepared") as run:
            run(
                SQL(
                    "CREATE TABLE IF NOT EXISTS {} (group_key TEXT NOT NULL, generation BIGINT NOT NULL,"
                    " ordinal INT NOT NULL, table_name TEXT NOT NULL, hidden_name TEXT NOT NULL,"
                    " state TEXT NOT NULL CHECK (state IN ('live', 'kept')), run_id TEXT NOT NULL,"
                    " rows BIGINT NOT NULL, fingerprint TEXT NOT NULL, promoted_at TIMESTAMP NOT NULL,"
                    " PRIMARY KEY (group_key, generation, ordinal))"
                ).format(Identifier(self._names.catalogue))
            )
            run(
                SQL(
                    "CREATE TABLE IF NOT EXISTS {} (hidden_name TEXT NOT NULL, column_name TEXT NOT NULL,"
                    " title TEXT NOT NULL, PRIMARY KEY (hidden_name, column_name))"
                ).format(Identifier(self._names.titles))
            )

    def generations(self, group: str | None = None) -> list[Generation]:
        if self._file.missing or not self._has(self._names.catalogue):
            return []
        statement = SQL(
            "SELECT group_key, generation, ordinal, table_name, hidden_name, state, run_id, rows, fingerprint,"
            " promoted_at FROM {} WHERE group_key = coalesce(?, group_key)"
        ).format(Identifier(self._names.catalogue))
        return catalogue.collect(_catalogue_row(row) for row in self._file.run(statement, [group]))

    def foreign_tables(self, names: Iterable[str]) -> list[str]:
        wanted = sorted(set(names))
        if not wanted or self._file.missing:
            return []
        ours = catalogue.live_names(self.generations())
        there = {folded(str(name)): str(kind) for name, kind in self._file.run(_NAMED)}
        found = {name: there.get(folded(self._names.live(name))) for name in wanted}
        return [name for name, kind in found.items() if kind is not None and (name not in ours or kind != "table")]

    # -- a generation beside the live one

    def stage(self, group: str, generation: int, table: Table) -> StagedRef:
        self._names.refuse_ambiguous(table.name)
        place = catalogue.free_hidden_name(self.generations(), group, generation, table.name)
        name = self._names.hidden(place)
        with self._file.transaction(f"stage {table.name}") as run:
            run(SQL("DROP TABLE IF EXISTS {}").format(Identifier(name)))
            run(create_statement(name, table))
        return StagedRef(group, generation, table, place)

    def append(self, staged: StagedRef, rows: ArrowStream) -> int:
        if self._caster is None:
            self._caster = Caster()
        batches = self._caster.batches(staged.table, rows)
        name = self._names.hidden(staged.hidden_name)
        before = _whole(self._file.run(SQL("SELECT coalesce(max(rowid), 0) FROM {}").format(Identifier(name)))[0][0])
        action, added = f"load {staged.table.name}", 0
        try:
            for part in in_parts(staged.table, batches):
                with self._file.transaction(action):
                    added += insert(self._file.connection(), name, staged.table, part)
        except BaseException:
            if added:
                with self._file.transaction(action):
                    take_back(self._file.connection(), name, before)
            raise
        return added

    def measure(self, staged: StagedRef) -> TableFacts:
        target = Identifier(self._names.hidden(staged.hidden_name))
        key = [Identifier(name) for name in staged.table.key]
        if not key:
            total = _whole(self._file.run(SQL("SELECT count(*) FROM {}").format(target))[0][0])
            return TableFacts(total, 0, total)
        statement = SQL(
            "SELECT coalesce(sum({rows}), 0), coalesce(sum(CASE WHEN {null} THEN {rows} END), 0),"
            " coalesce(sum(NOT ({null})), 0) FROM (SELECT {key}, count(*) AS {rows} FROM {target} GROUP BY {key})"
        ).format(
            rows=Identifier("boardlift rows"),  # a space keeps it apart from every portable name
            null=SQL(" OR ").join(SQL("{} IS NULL").format(name) for name in key),
            key=COMMA.join(key),
            target=target,
        )
        rows, null_keys, distinct = self._file.run(statement)[0]
        return TableFacts(_whole(rows), _whole(null_keys), _whole(distinct))

    # -- live

    def replacements(self, group: str, tables: Sequence[Table], replace: Replace) -> list[Replacement]:
        taken = self.foreign_tables(table.name for table in tables)
        known = self.generations()
        there = [] if self._file.missing else things(self._file.run)
        return plan_replacements(self._swaps, self._names, known, there, group, tables, replace, taken)

    def promote(self, run_id: str, groups: Sequence[StagedGroup]) -> SwapOutcome:
        plan = catalogue.plan_promotion(run_id, self.generations(), groups, self._clock.now())
        return self._swap(plan, {group.group for group in groups if group.replace is Replace.IN_PLACE})

    def rollback(self, run_id: str, targets: Sequence[tuple[str, int]]) -> SwapOutcome:
        plan = catalogue.plan_rollback(run_id, self.generations(), targets, self._clock.now())
        return self._swap(plan, {g.group for g in plan.leaving if any(self._is_copied(t) for t in g.tables)})

    def _swap(self, plan: SwapPlan, refilled: set[str]) -> SwapOutcome:
        if not plan.entering:
            return SwapOutcome(self._clock.now(), 0, 0.0)
        foreign = self.foreign_tables(slot.name for slot in (*plan.incoming, *plan.outgoing))
        catalogue.refuse_foreign(self.identity, [self._names.live(name) for name in foreign])
        return self._swaps.run(plan, refilled)

    def copy(
        self,
        group: str,
        generation: int,
        table: str,
        into: StagedRef,
        namespace: str,
        without: Collection[int] = (),
    ) -> int:
        stored = catalogue.stored_generation(self.generations(), group, generation)
        source = self._place(stored, catalogue.stored_table([stored], group, generation, table))
        target = names_of(namespace).hidden(into.hidden_name)
        keys = SQL("SELECT count(*) FROM pragma_table_info({}) WHERE pk > 0").format(Literal(source))
        with self._file.transaction(f"copy {table}") as run:
            if run(keys) == [(0,)] and into.table.key:  # a broken key was let through; it is not the copy's to refuse
                loosen(self._file.connection(), target, into.table)
            fill = copy_statement(target, source, into.table, but_for=bool(without))
            run(fill, [json.dumps(list(without))] if without else [])
            return _whole(run(SQL("SELECT changes()"))[0][0])

    def contents(self, group: str, generation: int) -> dict[str, str]:
        stored = catalogue.stored_generation(self.generations(), group, generation)
        with self._file.speaking(f"read generation {generation} of {group}"):
            return {table.name: self._fingerprint(self._place(stored, table)) for table in stored.tables}

    def sizes(self) -> dict[tuple[str, int], int]:
        known = self.generations()
        if not known:
            return {}
        exact = sqlite_contents.has_page_list(self._file.run)
        measure = sqlite_contents.bytes_by_pages if exact else sqlite_contents.bytes_by_share
        taken = measure(self._file.run)
        found = {}
        for generation in known:
            places = {self._names.hidden(table.hidden_name) for table in generation.tables}
            if generation.state is State.LIVE:
                places |= {self._names.live(table.name) for table in generation.tables}
            found[generation.group, generation.number] = sum(taken.get(place, 0) for place in places)
        return found

    def drop_staged(self) -> list[str]:
        known = {table.hidden_name for stored in self.generations() for table in stored.tables}
        live = {self._names.live(name) for name in catalogue.live_names(self.generations())}
        return self._drop_hidden(lambda name, place: place not in known and name not in live)

    def retain(self, group: str, keep: int) -> list[int]:
        def drop(generation: Generation) -> None:
            with self._file.transaction(f"drop generation {generation.number} of {group}") as run:
                for table in generation.tables:
                    run(SQL("DROP TABLE IF EXISTS {}").format(Identifier(self._names.hidden(table.hidden_name))))
                forget_titles(run, self._names, [table.hidden_name for table in generation.tables])
                run(
                    SQL("DELETE FROM {} WHERE group_key = ? AND generation = ?").format(
                        Identifier(self._names.catalogue)
                    ),
                    [group, generation.number],
                )

        return catalogue.retire(self.generations(group), group, keep, drop)

    def discard(self) -> None:
        if self._file.missing:
            return
        ours = {self._names.live(name) for name in catalogue.live_names(self.generations())}
        named = [(str(name), str(kind)) for name, kind in self._file.run(_NAMED)]
        foreign = [
            name
            for name, kind in named
            if self._names.is_in_live_namespace(name) and not (kind == "table" and name in ours)
        ]
        if foreign:
            raise PromotionConflict(
                f"{self.namespace} in {self.identity} holds what boardlift did not put there: {', '.join(foreign)}. "
                f"Nothing was dropped.",
                hint="move or drop it; only a namespace of boardlift's own can be discarded",
            )
        with self._file.transaction("be discarded") as run:
            for name, kind in named:
                hidden = name in (self._names.catalogue, self._names.titles)
                if kind == "table" and (name in ours or hidden or self._names.holds_generation(name) is not None):
                    run(SQL("DROP TABLE {}").format(Identifier(name)))

    # -- people

    def query(self, sql: str) -> tuple[list[str], Rows]:
        connection = self._file.connection()
        with self._file.speaking("answer the query"):
            return read_only(connection, sql)

    def findings(self) -> list[Finding]:
        try:
            with self._file.transaction("be written", keep=False) as run:
                version = run(SQL("SELECT sqlite_version()"))[0][0]
                run(SQL("CREATE TABLE {} (x INT)").format(Identifier(self._names.hidden("probe"))))
        except DestinationError as error:
            return [Finding("destination", False, error.message, error.hint)]
        return [
            Finding("destination", True, f"SQLite {version} at {self.identity} is reachable"),
            Finding("destination access", True, "tables can be made"),
        ]

    def close(self) -> None:
        if self._caster is not None:
            self._caster.close()
            self._caster = None
        self._file.close()

    # -- inside

    def _has(self, name: str) -> bool:
        return self._file.run(SQL("SELECT 1 FROM sqlite_master WHERE name = {}").format(Literal(name))) != []

    def _is_copied(self, table: StoredTable) -> bool:
        """Whether a table of a live generation is held in place, with a sealed copy in the hidden namespace."""
        return self._has(self._names.hidden(table.hidden_name))

    def _place(self, generation: Generation, table: StoredTable) -> str:
        if generation.state is State.LIVE:
            return self._names.live(table.name)
        return self._names.hidden(table.hidden_name)

    def _fingerprint(self, name: str) -> str:
        if not self._has(name):
            raise DestinationError(f"The table {name} is missing in the file.", hint="it was dropped by hand")
        return sqlite_contents.fingerprint(self._file.connection(), name, columns_of(self._file.run, name))

    def _drop_hidden(self, goes: Callable[[str, str], bool]) -> list[str]:
        if self._file.missing:
            return []
        strays = {}
        for name, kind in self._file.run(_NAMED):
            place = self._names.holds_generation(str(name))
            if kind == "table" and place is not None and goes(str(name), place):
                strays[place] = str(name)
        if strays:
            with self._file.transaction("drop staged tables") as run:
                for name in strays.values():
                    run(SQL("DROP TABLE {}").format(Identifier(name)))
                forget_titles(run, self._names, strays)
        return sorted(strays)


_NAMED = SQL("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view')")


def _catalogue_row(row: Sequence[object]) -> CatalogueRow:
    return catalogue.read_row(row, datetime.fromisoformat(str(row[9])).astimezone(UTC))


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value
