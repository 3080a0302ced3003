"""The swap in MariaDB and MySQL: one RENAME TABLE in which tables and catalogue change names together.

All that takes time happens before, on tables that nobody reads. Groups that are replaced in place are refilled in a
transaction; when there is nothing to rename the catalogue is part of it, else it is committed right after the RENAME,
and a note tells the next run should the commit be lost between the two.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace

import pymysql

from boardlift.clock import Clock
from boardlift.destinations.catalogue import CATALOGUE, Slot, SwapPlan
from boardlift.destinations.interface import Replace, SwapOutcome
from boardlift.destinations.mysql import inspect, made
from boardlift.destinations.mysql.catalogue import (
    NEXT,
    PREVIOUS,
    filled,
    next_statements,
    note_statement,
    record_statements,
)
from boardlift.destinations.mysql.ddl import seal_statement
from boardlift.destinations.mysql.errors import LOST, Address, code_of, explain, speaking
from boardlift.destinations.mysql.inspect import Relation
from boardlift.destinations.mysql.judge import Successor, carried_members, judge, vanishing
from boardlift.destinations.mysql.made import Made
from boardlift.destinations.mysql.refill import Refill, copy_table, fill, make_room, refilling
from boardlift.destinations.mysql.session import Session
from boardlift.destinations.mysql.wait import NOT_GRANTED, Blocker, Granted, SwapPolicy, Waiting, find_blockers, gave_up
from boardlift.errors import SWAPPED, UNCHANGED, DependentObject, DestinationError
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

_TRIGGER_IN_WRONG_SCHEMA = 1435


@dataclass(frozen=True)
class _Move:
    """One pair of RENAME TABLE: from the hidden namespace to the live one when `entering`, else the other way."""

    source: str
    target: str
    entering: bool


@dataclass
class _Work:
    """What one swap has to do. `names` are the live tables that its RENAME TABLE locks."""

    moves: list[_Move] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    refills: list[Refill] = field(default_factory=list)
    spent: list[Identifier] = field(default_factory=list)  # copies that nobody needs after the swap
    live: dict[str, Relation] = field(default_factory=dict)


class Swap:
    """One swap. `session` is in autocommit; `connect` opens another one like it."""

    def __init__(
        self,
        session: Session,
        connect: Callable[[], Session],
        address: Address,
        namespaces: tuple[str, str],
        policy: SwapPolicy,
        clock: Clock,
    ) -> None:
        self._session = session
        self._connect = connect
        self._address = address
        self._live, self._hidden = namespaces
        self._policy = policy
        self._clock = clock
        self._waiting = Waiting(session, connect, address, policy, clock)
        self._there: dict[str, str] = {}

    def run(self, plan: SwapPlan, in_place: set[str]) -> SwapOutcome:
        """Carry the plan out; `in_place` are groups. Raises PromotionConflict or DependentObject, nothing changed."""
        moment = max((generation.promoted_at for generation in plan.entering), default=self._clock.now())
        if not plan.entering:
            return SwapOutcome(moment, 0, 0.0)
        with speaking(self._address, "prepare the staged tables"):
            self._seal(plan)
            work = self._arrange(plan, in_place)
            self._refuse_obstacles(plan, work)
            self._prepare(plan, work)
            writer = refilling(self._connect) if work.refills else None
        try:
            granted = self._carry_out(plan, work, writer)
        finally:
            if writer is not None:
                writer.close()
        with suppress(pymysql.err.MySQLError):  # the swap stands; the next run takes what is left
            for generation in plan.entering:
                if generation.group in in_place:
                    self._session.run(note_statement(self._hidden, filled(generation.group), str(generation.number)))
            for place in (Identifier(self._hidden, PREVIOUS), *work.spent):
                self._session.run(SQL("DROP TABLE IF EXISTS {}").format(place))
        return SwapOutcome(moment, granted.attempts, granted.longest_ms)

    # -- before any reader waits

    def _seal(self, plan: SwapPlan) -> None:
        for slot in plan.incoming:
            if slot.table is None:
                continue
            target = Identifier(self._hidden, slot.hidden_name)
            staged = self._stored(slot)
            present = {index.name for index in staged.indexes} | ({"PRIMARY"} if staged.key else set())
            if (seal := seal_statement(target, slot.table, present)) is not None:
                self._session.run(seal)
            self._session.ask(SQL("ANALYZE TABLE {}").format(target))
            made.remember(self._session, self._stored(slot))

    def _stored(self, slot: Slot) -> Relation:
        found = inspect.read(self._session, self._hidden, slot.hidden_name)
        if found is None:
            raise DestinationError(
                f"The table {slot.hidden_name} of {slot.name} is missing in {self._hidden}. {UNCHANGED}",
                hint="run `boardlift sync` to stage it anew",
            )
        return found

    def _arrange(self, plan: SwapPlan, in_place: set[str]) -> _Work:
        """Who goes where. Asks what is there and changes nothing."""
        work = _Work()
        self._there = inspect.tables(self._session, self._hidden)
        own = {(g.group, table.name) for g in plan.leaving for table in g.tables}
        for name in {slot.name for slot in (*plan.outgoing, *plan.incoming)}:
            if (found := inspect.read(self._session, self._live, name, dependants=True)) is not None:
                work.live[name] = found
        entering = [(generation, table) for generation in plan.entering for table in generation.tables]
        for generation, table in entering:
            if generation.group in in_place and (generation.group, table.name) in own and table.name in work.live:
                work.refills.append(Refill(generation.group, generation.number, table.name, table.hidden_name))
        staying = {refill.name for refill in work.refills}
        for slot in plan.outgoing:
            if slot.name in work.live and slot.name not in staying:
                self._leave(slot, work)
        for generation, table in entering:
            if table.name not in staying:
                # What will be filled in place from now on begins as a copy, for the sealed table stays where it is.
                source = f"incoming__{len(work.moves)}" if generation.group in in_place else table.hidden_name
                work.moves.append(_Move(source, table.name, entering=True))
        return work

    def _leave(self, slot: Slot, work: _Work) -> None:
        """A table that was filled in place has its sealed copy already; of the two the copy stays."""
        left = slot.hidden_name
        if slot.hidden_name in self._there:
            left = f"outgoing__{len(work.moves)}"
            work.spent.append(Identifier(self._hidden, left))
        work.moves.append(_Move(slot.name, left, entering=False))
        work.names.append(slot.name)

    def _refuse_obstacles(self, plan: SwapPlan, work: _Work) -> None:
        staying = {refill.name for refill in work.refills}
        leaving = {slot.name: slot for slot in plan.outgoing}
        found: list[str] = []
        for slot in plan.incoming:
            way = Replace.IN_PLACE if slot.name in staying else Replace.SWAP
            after = Successor.of_relation(self._stored(slot))
            before = self._sealed(leaving.get(slot.name))
            found += judge(self._session, work.live.get(slot.name), before, after, slot.name, way).obstacles
        for name in plan.vanishing:
            sealed = self._sealed(leaving.get(name))
            found += judge(self._session, work.live.get(name), sealed, None, name, Replace.SWAP).obstacles
        if found:
            raise DependentObject(
                f"What is built on the live tables would be lost or broken: {'; '.join(found)}. {UNCHANGED}",
                hint="take the way out that stands with each; `boardlift plan` lists them again",
            )

    def _sealed(self, slot: Slot | None) -> Made | None:
        return made.recall(self._session, self._hidden, slot.hidden_name) if slot else None

    def _prepare(self, plan: SwapPlan, work: _Work) -> None:
        """All that takes time, in the hidden namespace alone."""
        staying = {refill.name: refill for refill in work.refills}
        for slot in plan.outgoing:
            refill = staying.get(slot.name)
            if refill is not None and slot.hidden_name not in self._there:
                number = next(g.number for g in plan.leaving if g.group == refill.group)
                self._session.run(note_statement(self._hidden, filled(refill.group), str(number)))
                copy_table(self._session, work.live[slot.name].place, self._hidden, slot.hidden_name)
        sources = {move.target: move.source for move in work.moves if move.entering}
        for slot in plan.incoming:
            if slot.name in staying:
                continue
            if (live := work.live.get(slot.name)) is not None:
                self._dress(live, self._stored(slot))
            if (source := sources[slot.name]) != slot.hidden_name:
                self._session.run(SQL("DROP TABLE IF EXISTS {}").format(Identifier(self._hidden, source)))
                copy_table(self._session, Identifier(self._hidden, slot.hidden_name), self._hidden, source)

    def _dress(self, live: Relation, staged: Relation) -> None:
        """Indexes, CHECKs, options and comments that people gave to the table that this one replaces."""
        indexes, checks = carried_members(live, staged)
        # The definitions are the server's own text of what it holds, in which backslashes are escapes.
        mine = dict(staged.options)
        own = [SQL("ADD {}").format(Composable(member.text)) for member in (*indexes, *checks)]
        own += [
            SQL("{} = {}").format(Composable(name), Composable(value))
            for name, value in live.options
            if mine.get(name) != value
        ]
        if own:
            with self._session.escaping():
                self._session.run(SQL("ALTER TABLE {} {}").format(staged.place, COMMA.join(own)))
        parts: list[Composable] = []
        for column in staged.columns:
            there = live.column(column.name)
            if there is not None and there.comment and not column.comment and not column.generated:
                parts.append(SQL("MODIFY COLUMN {}").format(column.defined(there.comment)))
        if live.comment and not staged.comment:
            parts.append(SQL("COMMENT = {}").format(Literal(live.comment)))
        if parts:
            self._session.run(SQL("ALTER TABLE {} {}").format(staged.place, COMMA.join(parts)))

    # -- while readers may notice

    def _carry_out(self, plan: SwapPlan, work: _Work, writer: Session | None) -> Granted:
        longest = self._make_room(plan, work) if work.refills else 0.0
        if work.moves:
            with speaking(self._address, "write the next catalogue"):
                for statement in next_statements(self._hidden, plan):
                    self._session.run(statement)
        if writer is None:
            return self._rename(work)
        attempts = self._refilled(plan, work, writer)
        if work.moves:
            try:
                granted = self._rename(work)
            except BaseException:
                writer.undo()
                raise
            self._commit_after(work, writer)
            return Granted(max(attempts, granted.attempts), max(longest, granted.longest_ms))
        self._commit(writer)
        return Granted(attempts, longest)

    def _make_room(self, plan: SwapPlan, work: _Work) -> float:
        leaving = {slot.name: slot for slot in plan.outgoing}
        longest = 0.0
        for refill in work.refills:
            with speaking(self._address, "prepare the live tables"):
                sealed = self._stored(Slot(refill.name, refill.hidden_name))
                live = work.live[refill.name]
                before = self._sealed(leaving[refill.name])
                gone = vanishing(live, before, Successor.of_relation(sealed))
                granted = make_room(self._session, self._waiting, live, sealed, gone, self._hidden)
            longest = max(longest, granted.longest_ms)
        return longest

    def _refilled(self, plan: SwapPlan, work: _Work, writer: Session) -> int:
        """Fill the live tables in a transaction that stays open. Returns how often it was tried."""
        names = [refill.name for refill in work.refills]
        deadline = self._clock.monotonic() + self._policy.patience
        attempt, blockers = 0, list[Blocker]()
        while attempt == 0 or self._clock.monotonic() < deadline:
            attempt += 1
            try:
                self._fill_once(plan, work, writer)
            except BaseException as error:
                with suppress(pymysql.err.MySQLError):
                    blockers = find_blockers(self._session, self._live, names) or blockers
                writer.undo()
                if isinstance(error, DestinationError):
                    if code_of(error.__cause__) in NOT_GRANTED:
                        continue
                    error.conclude(UNCHANGED)
                raise
            else:
                return attempt
        raise gave_up(attempt, blockers)

    def _fill_once(self, plan: SwapPlan, work: _Work, writer: Session) -> None:
        with speaking(self._address, "fill the live tables"):
            writer.run(SQL("START TRANSACTION"))
            fill(writer, self._hidden, self._live, work.refills)
            if not work.moves:
                for statement in record_statements(Identifier(self._hidden, CATALOGUE), plan):
                    writer.run(statement)

    def _rename(self, work: _Work) -> Granted:
        here, there = self._live, self._hidden
        places = [
            ((there, m.source), (here, m.target)) if m.entering else ((here, m.source), (there, m.target))
            for m in work.moves
        ]
        places += [((there, CATALOGUE), (there, PREVIOUS)), ((there, NEXT), (there, CATALOGUE))]
        pairs = (SQL("{} TO {}").format(Identifier(*source), Identifier(*target)) for source, target in places)
        statement = SQL("RENAME TABLE {}").format(COMMA.join(pairs))
        try:
            granted = self._waiting.persist(statement, "swap the tables in", self._live, work.names)
            # Nobody can wait for a table that is not there yet.
            return granted if work.names else replace(granted, longest_ms=0.0)
        except DestinationError as error:
            if code_of(error.__cause__) in LOST:
                raise _outcome_open(error) from error.__cause__
            error.conclude(UNCHANGED)
            if code_of(error.__cause__) == _TRIGGER_IN_WRONG_SCHEMA:
                raise DependentObject(
                    f"A trigger on a live table cannot follow the swap. {UNCHANGED}",
                    hint="write `replace: in_place` for this board in boardlift.yaml, or drop the trigger",
                ) from error
            raise

    def _commit(self, writer: Session) -> None:
        try:
            writer.run(SQL("COMMIT"))
        except pymysql.err.MySQLError as error:
            explained = explain(self._address, "say whether the refill took place", error)
            if code_of(error) in LOST:
                raise _outcome_open(explained) from error
            writer.undo()
            explained.conclude(UNCHANGED)
            raise explained from error

    def _commit_after(self, work: _Work, writer: Session) -> None:
        """The RENAME stands, so the refill must. Should its commit be lost, it is done once more."""
        try:
            writer.run(SQL("COMMIT"))
        except pymysql.err.MySQLError as error:
            try:
                with closing(refilling(self._connect)) as again, again.transaction():
                    fill(again, self._hidden, self._live, work.refills)
            except (pymysql.err.MySQLError, DestinationError):
                groups = ", ".join(sorted({refill.group for refill in work.refills}))
                explained = explain(self._address, f"commit the refill of {groups} after the swap", error)
                raise DestinationError(
                    f"{explained.message}. {SWAPPED}",
                    hint="run `boardlift sync`: the next run finishes the refill before anything else",
                ) from error


def _outcome_open(error: DestinationError) -> DestinationError:
    return DestinationError(
        f"{error.message}; the connection broke while it was committed, so it is whole or did not happen.",
        hint="run `boardlift runs`: the catalogue in the destination settles it in the next run",
    )


def in_place_groups(plan: SwapPlan, there: Collection[str]) -> set[str]:
    """The groups whose live generation has a sealed copy of every table, and so was filled in place."""
    return {g.group for g in plan.leaving if all(table.hidden_name in there for table in g.tables)}
