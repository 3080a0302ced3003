"""What is in a SQLite file, by its own list of objects, and what people built there on live tables.

SQLite binds views, triggers and foreign keys by name, each time they are used, so they follow a swap by themselves, or
fail when they are next used. Whether they would is found out beforehand, on an empty copy of the schema in memory: no
lock is taken, and the file is only read.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from boardlift.destinations.sqlite.file import Run, settle
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

_ORDER = ("table", "index", "view", "trigger")
_HEAD = re.compile(r'CREATE TABLE\s+("(?:[^"]|"")*"|[^\s("]+)', re.IGNORECASE)
_WORD = r"""(?:"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|'(?:[^']|'')*'|[^\s"`\[',.;()]+)"""
_GAP = r"(?:\s|--[^\n]*\n|/\*.*?\*/)"
_UPDATE_OF = re.compile(
    rf"CREATE{_GAP}+(?:TEMP(?:ORARY)?{_GAP}+)?TRIGGER{_GAP}+(?:IF{_GAP}+NOT{_GAP}+EXISTS{_GAP}+)?"
    rf"(?:{_WORD}{_GAP}*\.{_GAP}*)?{_WORD}{_GAP}+(?:BEFORE{_GAP}+|AFTER{_GAP}+|INSTEAD{_GAP}+OF{_GAP}+)?"
    rf"UPDATE{_GAP}+OF{_GAP}*((?:{_WORD}{_GAP}*,{_GAP}*)*{_WORD}){_GAP}*ON\b",
    re.IGNORECASE | re.DOTALL,
)
"""The beginning of a trigger on changes of some columns, and these columns."""


@dataclass(frozen=True)
class Thing:
    """A row of SQLite's list: `kind` is table, index, view or trigger, `table` what it belongs to."""

    kind: str
    name: str
    table: str
    sql: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def body(self) -> Composable:
        """What follows the name in SQLite's own text of a table that it holds."""
        return Composable(_HEAD.sub("", self.sql, count=1))


@dataclass(frozen=True)
class Built:
    """A view, a trigger or a foreign key: `on` is the table or view it sits on, if any."""

    kind: str
    name: str
    on: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}" + (f" on {self.on}" if self.kind == "trigger" else "")


@dataclass(frozen=True)
class Verdict:
    """Which tables it reads or names, in lower case, and why SQLite cannot use it; empty when it can."""

    reads: frozenset[str]
    error: str


def things(run: Run) -> list[Thing]:
    """Every object that somebody made, tables first."""
    rows = run(SQL("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"))
    found = [Thing(*(str(part) for part in row)) for row in rows]
    own = [thing for thing in found if not thing.name.startswith("sqlite_")]
    return sorted(own, key=lambda thing: _ORDER.index(thing.kind))


def same(name: str, other: str) -> bool:
    """Names of SQLite differ by more than case of ASCII letters, or they are the same."""
    return folded(name) == folded(other)


def folded(name: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)


def columns_of(run: Run, table: str) -> list[str]:
    rows = run(SQL("SELECT name FROM pragma_table_info({}) ORDER BY cid").format(Literal(table)))
    return [str(name) for (name,) in rows]


def peoples_columns(run: Run, table: str, written: Collection[str]) -> list[str]:
    """Columns of a table, generated ones included, that are not among those that boardlift has written down."""
    rows = run(SQL("SELECT name FROM pragma_table_xinfo({}) ORDER BY cid").format(Literal(table)))
    ours = {folded(name) for name in written}
    return [str(name) for (name,) in rows if folded(str(name)) not in ours]


def children(run: Run, known: Sequence[Thing], parents: Collection[str]) -> list[str]:
    """Tables with a foreign key to one of these names."""
    wanted = {folded(name) for name in parents}
    return [
        thing.name
        for thing in known
        if thing.kind == "table"
        and "references" in thing.sql.lower()
        and wanted & {folded(parent) for parent in _parents(run, thing.name)}
    ]


def _parents(run: Run, table: str) -> list[str]:
    statement = SQL('SELECT DISTINCT "table" FROM pragma_foreign_key_list({})').format(Literal(table))
    return [str(name) for (name,) in run(statement)]


@contextmanager
def in_memory(known: Sequence[Thing]) -> Iterator[sqlite3.Connection]:
    """An empty copy of these objects; what only the file's own programs can make is left out, as it was for us."""
    connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=0)
    try:
        settle(connection)
        for thing in known:
            with suppress(sqlite3.Error):  # a module, function or collation that somebody's program brings along
                connection.execute(thing.sql)
        yield connection
    finally:
        connection.close()


def examine(connection: sqlite3.Connection, known: Sequence[Thing]) -> dict[Built, Verdict]:
    """Compile everything that could break, in a copy in memory, and see whether SQLite can."""
    triggers = [thing for thing in known if thing.kind == "trigger"]
    found = {
        Built("view", thing.name): _compile(connection, [SQL("SELECT * FROM {}").format(Identifier(thing.name))])
        for thing in known
        if thing.kind == "view"
    }
    for trigger in triggers:
        with _undone(connection):
            for other in triggers:
                if other is not trigger:
                    _drop_trigger(connection, other)
            verdict = _compile(connection, _writes(connection, trigger))
            if not verdict.error and (missing := _waits_in_vain(connection, trigger)):
                verdict = Verdict(verdict.reads, f"it fires on changes of {missing}, which would be gone")
            found[Built("trigger", trigger.name, trigger.table)] = verdict
    connection.execute("PRAGMA foreign_keys = ON")
    with _undone(connection):
        for trigger in triggers:
            _drop_trigger(connection, trigger)
        for thing in known:
            if thing.kind == "table" and "references" in thing.sql.lower():
                verdict = _compile(connection, [SQL("INSERT INTO {} DEFAULT VALUES").format(Identifier(thing.name))])
                parents = frozenset(folded(name) for name in _parents(runner(connection), thing.name))
                if parents:
                    found[Built("foreign key of", thing.name, thing.name)] = Verdict(parents, verdict.error)
    connection.execute("PRAGMA foreign_keys = OFF")
    return found


def _compile(connection: sqlite3.Connection, statements: Sequence[Composable]) -> Verdict:
    """Compile statements without running them. A trigger on a view has only some events; one that works is enough."""
    reads: set[str] = set()

    def note(action: int, first: str | None, *_others: str | None) -> int:
        if first and action in _TOUCHES:
            reads.add(folded(first))
        return sqlite3.SQLITE_OK

    error = ""
    connection.set_authorizer(note)
    try:
        for statement in statements:
            try:
                connection.execute(SQL("EXPLAIN {}").format(statement).text).fetchall()
            except sqlite3.Error as failure:
                if "because it is a view" not in str(failure):  # another event than that of an INSTEAD OF trigger
                    error = error or str(failure)
    finally:
        connection.set_authorizer(None)
    return Verdict(frozenset(reads), error)


_TOUCHES = {sqlite3.SQLITE_READ, sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}


def _writes(connection: sqlite3.Connection, trigger: Thing) -> list[Composable]:
    """A statement for each event, which fires every trigger on the table."""
    target = Identifier(trigger.table)
    statements = [SQL("INSERT INTO {} DEFAULT VALUES").format(target), SQL("DELETE FROM {}").format(target)]
    with suppress(sqlite3.Error):  # the columns of a view that cannot be read
        columns = [Identifier(name) for name in columns_of(runner(connection), trigger.table)]
        changes = COMMA.join(SQL("{0} = {0}").format(column) for column in columns)
        statements.append(SQL("UPDATE {} SET {}").format(target, changes))
    return statements


def _waits_in_vain(connection: sqlite3.Connection, trigger: Thing) -> str:
    """A column after UPDATE OF that the table has not: SQLite compiles such a trigger, and never fires it for that."""
    if not (found := _UPDATE_OF.match(trigger.sql)):
        return ""
    there = {folded(name) for name in columns_of(runner(connection), trigger.table)}
    names = [_unquoted(name) for name in re.findall(_WORD, found[1])]
    return next((name for name in names if folded(name) not in there), "")


def _unquoted(name: str) -> str:
    if name[0] == "[":
        return name[1:-1]
    return name[1:-1].replace(name[0] * 2, name[0]) if name[0] in "\"`'" else name


def _drop_trigger(connection: sqlite3.Connection, trigger: Thing) -> None:
    connection.execute(SQL("DROP TRIGGER IF EXISTS {}").format(Identifier(trigger.name)).text)


@contextmanager
def _undone(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("SAVEPOINT boardlift_look")
    try:
        yield
    finally:
        connection.execute("ROLLBACK TO boardlift_look")
        connection.execute("RELEASE boardlift_look")


def runner(connection: sqlite3.Connection) -> Run:
    """How statements are run on a connection of ours that has no `SQLiteFile`."""
    return lambda statement, values=(): connection.execute(statement.text, tuple(values)).fetchall()
