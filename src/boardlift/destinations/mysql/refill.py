"""`replace: in_place`: live tables are emptied and filled again in one transaction, and keep their identity.

Readers see the old rows until the commit and the new ones after it; they wait for neither. Columns come before that
transaction and go after it, each in a statement of milliseconds; a note says which are in doubt until then.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

from boardlift.destinations.interface import Generation, State
from boardlift.destinations.mysql import inspect
from boardlift.destinations.mysql.catalogue import NEXT, NOTES, PREVIOUS, filled, note_statement
from boardlift.destinations.mysql.errors import code_of
from boardlift.destinations.mysql.inspect import LiveColumn, Member, Relation
from boardlift.destinations.mysql.session import Session
from boardlift.destinations.mysql.wait import Granted, Waiting
from boardlift.errors import UNCHANGED, DependentObject, DestinationError, PromotionConflict
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

_COLUMNS = "columns "
_NEEDED = (1553, 3780)


@dataclass(frozen=True)
class Refill:
    """One live table of a group and the sealed table it is filled from."""

    group: str
    generation: int
    name: str
    hidden_name: str


def copy_table(session: Session, source: Identifier, hidden: str, name: str) -> None:
    """Make `hidden.name` a whole copy of `source`: under another name until all rows are in. Raises driver's errors."""
    making = Identifier(hidden, "copying")
    session.run(SQL("DROP TABLE IF EXISTS {}").format(making))
    session.run(SQL("CREATE TABLE {} LIKE {}").format(making, source))
    columns = _stored_columns(session, hidden, "copying")
    session.run(SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(making, columns, columns, source))
    session.run(SQL("RENAME TABLE {} TO {}").format(making, Identifier(hidden, name)))


def make_room(
    session: Session, waiting: Waiting, live: Relation, sealed: Relation, gone: set[str], hidden: str
) -> Granted:
    """Add the columns that a live table lacks, empty for now. `gone` are those that go after the refill.

    Indexes of boardlift's come and go after it, too: the rows that are there now may not suit them.
    """
    coming = [column for column in sealed.columns if live.column(column.name) is None]
    moving = sorted({column.name for column in coming} | gone)
    if moving or _retitled(live, sealed) or _own_indexes(live) != _own_indexes(sealed):
        session.run(note_statement(hidden, _COLUMNS + live.name, json.dumps(moving)))
    parts = []
    for column in coming:
        place = [one.name for one in sealed.columns].index(column.name)
        where = SQL("FIRST") if place == 0 else SQL("AFTER {}").format(Identifier(sealed.columns[place - 1].name))
        parts.append(SQL("ADD COLUMN {} {}").format(column.defined(column.comment), where))
    if not parts:
        return Granted(1, 0.0)
    return _altered(waiting, live, [*parts, SQL("ALGORITHM = INSTANT")], "add columns to the live tables")


def doubtful(session: Session, hidden: str, name: str) -> set[str]:
    """The columns of a live table that boardlift has yet to take away, or added for a refill that failed."""
    rows = session.ask(
        SQL("SELECT said FROM {} WHERE subject = {}").format(Identifier(hidden, NOTES), Literal(_COLUMNS + name))
    )
    return {str(column) for (said,) in rows for column in json.loads(str(said))}


def fill(writer: Session, hidden: str, live: str, refills: Sequence[Refill]) -> None:
    """Put the sealed rows into the live tables, inside the transaction that the caller opened on `writer`.

    Raises DependentObject when a row of another table would lose the one it points at, and the driver's errors.
    """
    for refill in refills:
        target, source = Identifier(live, refill.name), Identifier(hidden, refill.hidden_name)
        columns = _stored_columns(writer, hidden, refill.hidden_name)
        writer.run(SQL("DELETE FROM {}").format(target))
        writer.run(SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(target, columns, columns, source))
    for refill in refills:
        _refuse_orphans(writer, live, refill.name)
    for group, generation in sorted({(refill.group, refill.generation) for refill in refills}):
        writer.run(note_statement(hidden, filled(group), str(generation)))


def held_in_place(known: Sequence[Generation], there: set[str]) -> list[Generation]:
    """The live generations that have a sealed copy of each table. `there` are the tables of the hidden namespace."""
    return [
        generation
        for generation in known
        if generation.state is State.LIVE and all(table.hidden_name in there for table in generation.tables)
    ]


def heal(
    session: Session,
    connect: Callable[[], Session],
    waiting: Waiting,
    namespaces: tuple[str, str],
    known: Sequence[Generation],
) -> None:
    """Finish what a swap left undone when it died. Raises DependentObject and the driver's errors."""
    live, hidden = namespaces
    for name in (NEXT, PREVIOUS):
        session.run(SQL("DROP TABLE IF EXISTS {}").format(Identifier(hidden, name)))
    rows = session.ask(SQL("SELECT subject, said FROM {}").format(Identifier(hidden, NOTES)))
    notes = {str(subject): str(said) for subject, said in rows}
    for generation in held_in_place(known, set(inspect.tables(session, hidden))):
        if notes.get(filled(generation.group), str(generation.number)) != str(generation.number):
            with closing(refilling(connect)) as writer, writer.transaction():
                fill(writer, hidden, live, refills_of(generation))
    for subject, said in notes.items():
        if subject.startswith(_COLUMNS):
            with suppress(PromotionConflict):  # somebody uses the table for long; columns can wait
                _settle_columns(session, waiting, namespaces, known, subject.removeprefix(_COLUMNS), json.loads(said))


def refills_of(generation: Generation) -> list[Refill]:
    return [Refill(generation.group, generation.number, table.name, table.hidden_name) for table in generation.tables]


def refilling(connect: Callable[[], Session]) -> Session:
    """A session that does not check foreign keys: a DELETE would cascade into other people's tables, or be refused."""
    session = connect()
    session.run(SQL("SET SESSION foreign_key_checks = 0"))
    session.run(SQL("SET SESSION innodb_lock_wait_timeout = 5"))
    return session


def _settle_columns(
    session: Session,
    waiting: Waiting,
    namespaces: tuple[str, str],
    known: Sequence[Generation],
    name: str,
    moving: list[str],
) -> None:
    """Take away the columns in doubt that the live generation has not; give it its titles and its indexes."""
    live, hidden = namespaces
    owner = next((t for g in known if g.state is State.LIVE for t in g.tables if t.name == name), None)
    table = inspect.read(session, live, name)
    sealed = inspect.read(session, hidden, owner.hidden_name) if owner else None
    if table is not None and sealed is not None:
        gone = {column for column in moving if sealed.column(column) is None and table.column(column) is not None}
        for index in table.indexes:
            if index.columns & gone:
                drop = SQL("DROP INDEX {}").format(Identifier(index.name))
                _altered(waiting, table, [drop], "drop an index whose column is gone")
        drops: list[Composable] = [SQL("DROP COLUMN {}").format(Identifier(column)) for column in sorted(gone)]
        if drops:
            _altered(waiting, table, [*drops, SQL("ALGORITHM = INSTANT")], "drop columns of the live tables")
        titles: list[Composable] = [
            SQL("MODIFY COLUMN {}").format(column.defined(column.comment)) for column in _retitled(table, sealed)
        ]
        if titles:
            _altered(waiting, table, [*titles, SQL("ALGORITHM = INSTANT")], "write column titles")
        _settle_indexes(waiting, table, sealed, gone)
    session.run(SQL("DELETE FROM {} WHERE subject = {}").format(Identifier(hidden, NOTES), Literal(_COLUMNS + name)))


def _settle_indexes(waiting: Waiting, live: Relation, sealed: Relation, gone: set[str]) -> None:
    """Make and drop boardlift's own indexes as the sealed table has them. Each change leaves readers alone."""
    have, wanted = _own_indexes(live), _own_indexes(sealed)
    for name, index in have.items():
        if wanted.get(name) != index and not index.columns & gone:
            try:
                _altered(waiting, live, [SQL("DROP INDEX {}").format(Identifier(name))], f"drop the index {name}")
            except DestinationError as error:
                if code_of(error.__cause__) not in _NEEDED:  # a foreign key of a person's leans on it
                    raise
    taken = {index.name for index in live.indexes} - set(have)
    for name, index in wanted.items():
        if have.get(name) != index and name not in taken:
            _altered(waiting, live, [SQL("ADD {}").format(Composable(index.text))], f"make the index {name}")


def _own_indexes(table: Relation) -> dict[str, Member]:
    return {index.name: index for index in table.indexes if inspect.is_ours(index)}


def _retitled(live: Relation, sealed: Relation) -> list[LiveColumn]:
    """The columns of a sealed table that have another title than on the live one; what has none keeps what it has."""
    return [
        column
        for column in sealed.columns
        if column.comment and (there := live.column(column.name)) and there.comment != column.comment
    ]


def _altered(waiting: Waiting, table: Relation, parts: list[Composable], action: str) -> Granted:
    statement = SQL("ALTER TABLE {} {}").format(table.place, COMMA.join(parts))
    return waiting.persist(statement, action, table.namespace, [table.name])


def _stored_columns(session: Session, namespace: str, name: str) -> Composable:
    """The columns of a table that take values, in order."""
    table = inspect.read(session, namespace, name)
    if table is None:
        raise DestinationError(
            f"The table {name} is missing in {namespace}. {UNCHANGED}", hint="run `boardlift sync` to stage it anew"
        )
    return COMMA.join(Identifier(column.name) for column in table.columns if not column.generated)


def _refuse_orphans(writer: Session, live: str, name: str) -> None:
    """Foreign keys were not checked during the refill; here all of them are, on what is so at this moment."""
    place = {"schema": Literal(live), "table": Literal(name.encode().hex().upper())}  # as in `inspect`
    rows = writer.ask(
        SQL(
            "SELECT constraint_name, table_schema, table_name, column_name, referenced_table_schema,"
            " referenced_table_name, referenced_column_name FROM information_schema.key_column_usage"
            " WHERE referenced_table_name IS NOT NULL AND (referenced_table_schema = {schema} AND"
            " hex(referenced_table_name) = {table} OR table_schema = {schema} AND hex(table_name) = {table})"
            " ORDER BY 2, 3, 1, ordinal_position"
        ).format(**place)
    )
    keys: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for key, schema, table, column, far_schema, far_table, far_column in rows:
        where = (str(key), str(schema), str(table), str(far_schema), str(far_table))
        keys.setdefault(where, []).append((str(column), str(far_column)))
    for (key_name, schema_name, table_name, *far), pairs in keys.items():
        bound = [
            (SQL("c.{}").format(Identifier(column)), SQL("p.{}").format(Identifier(ours))) for column, ours in pairs
        ]
        statement = SQL(
            "SELECT count(*) FROM {} AS c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {}) LOCK IN SHARE MODE"
        ).format(
            Identifier(schema_name, table_name),
            SQL(" AND ").join(SQL("{} IS NOT NULL").format(child) for child, _ in bound),
            Identifier(*far),
            SQL(" AND ").join(SQL("{} = {}").format(parent, child) for child, parent in bound),
        )
        ((lost,),) = writer.ask(statement)
        if lost:
            raise DependentObject(
                f"Rows of {schema_name}.{table_name} ({lost} in all) would point by foreign key {key_name} at rows of"
                f" {'.'.join(far)} that are gone. {UNCHANGED}",
                hint="delete or change those rows, or drop the foreign key, then run the same command again",
            )
