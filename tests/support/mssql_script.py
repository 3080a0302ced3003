"""A stand-in for SQL Server where none can run: it speaks the driver's cursor interface and answers from a small model.

It knows tables by schema and name, each with the rows that the catalogue has of it, follows renames, transfers and
drops, and writes down what is sent. It understands no SQL beyond that: what it takes, `sqlglot` has to parse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import mssql_python

from boardlift.destinations.interface import Replace, StagedGroup, StagedRef
from boardlift.destinations.mssql import questions
from boardlift.destinations.mssql.ddl import MADE, index_name
from boardlift.destinations.mssql.engine import MSSQL
from boardlift.destinations.mssql.url import Address
from boardlift.shape.table import Column, Index, Table
from boardlift.shape.types import BIGINT, TEXT
from support.clocks import FastClock

Row = tuple[object, ...]
Facts = dict[str, list[Row]]  # a question -> its rows, without the name of the table they begin with

URL = "mssql://etl:s3cr3t@warehouse/analytics"
LIVE, HIDDEN = "monday", "monday__boardlift"
ITEM_ID = Column("item_id", BIGINT, nullable=False, label="Item id")
NAME, STATUS, STOCK = Column("name", TEXT, label="Name"), Column("status", TEXT), Column("stock", BIGINT)
TABLE = Table("planning", (ITEM_ID, NAME, STATUS), key=("item_id",), label="Planning")
WIDER = Table("planning", (ITEM_ID, NAME, STATUS, STOCK), key=("item_id",), indexes=(Index(("stock",)),))
NARROW = Table("planning", (ITEM_ID, NAME), key=("item_id",))
TAGS = Table("planning_tags", (Column("item_id", BIGINT), Column("tag", TEXT)), key=("item_id", "tag"))
MOMENT = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)

_QUESTIONS = (*questions.ALWAYS, *questions.OPTIONAL.values())
_HEADS = {question.partition("{")[0]: question for question in _QUESTIONS}
_PATH = r"\[((?:[^\]]|\]\])+)\]\.\[((?:[^\]]|\]\])+)\]"


def columns(*spelled: tuple[str, str], nullable: bool = False) -> list[Row]:
    """Catalogue rows of columns: (name, one of bigint, text, key, int). Ids and keys are NOT NULL unless `nullable`."""
    kinds: dict[str, Row] = {
        "bigint": ("bigint", 8, 19, 0, ""),
        "int": ("int", 4, 10, 0, ""),
        "text": ("nvarchar", -1, 0, 0, "SQL_Latin1_General_CP1_CI_AS"),
        "key": ("nvarchar", 800, 0, 0, "Latin1_General_100_BIN2"),
    }
    required = {name for name, kind in spelled if not nullable and (kind == "key" or name.endswith("_id"))}
    return [(name, *kinds[kind], name not in required, False, False) for name, kind in spelled]


def index(
    name: str, *keys: str, kind: int = 2, unique: bool = False, primary: bool = False, filtered: str = ""
) -> list[Row]:
    """Catalogue rows of an index, one a column."""
    head = (name, kind, unique, primary, False, filtered, 0, False, False, False, True, True, "NONE")
    return [(*head, key, place, False, False) for place, key in enumerate(keys, 1)]


PLANNING: Facts = {
    questions.COLUMNS: columns(("item_id", "bigint"), ("name", "text"), ("status", "text")),
    questions.INDEXES: index("planning__g1_pk", "item_id", kind=1, unique=True, primary=True),
}
INCOMING: list[Row] = [
    (
        "fk_orders",
        "shop",
        "orders",
        LIVE,
        "planning",
        "item",
        "item_id",
        "NO_ACTION",
        "CASCADE",
        False,
        False,
        False,
        "TABLE",
    )
]


@dataclass
class Server:
    """The model. `fail` may raise for a batch before it is answered; `sent` has every batch in order."""

    tables: dict[tuple[str, str], Facts] = field(default_factory=dict)
    book: list[Row] = field(default_factory=list)
    keys: list[Row] = field(default_factory=list)  # rows of questions.FOREIGN_KEYS, whole
    versioned: bool = True
    sees: bool = True
    finds: bool = True  # views that read a table
    granted: int = 0  # what sp_getapplock answers
    holder: list[Row] = field(default_factory=list)
    version: str = "16.0.4135.4"
    blockers: list[Row] = field(default_factory=list)
    orphans: int = 0
    broken: tuple[str, ...] = ()  # views that cannot be read
    views: list[Row] = field(default_factory=list)
    reads: list[Row] = field(default_factory=list)
    forget: tuple[str, ...] = ()  # questions whose rows a table loses when it goes live
    fail: Callable[[str], None] = lambda _text: None
    sent: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    _worn: dict[str, Facts] = field(default_factory=dict)
    _before: dict[tuple[str, str], Facts] | None = None

    def connect(self, _address: Address) -> Connection:
        return Connection(self)

    def answer(self, text: str) -> list[list[Row]]:
        """The results of a batch. An error undoes the transaction that is open."""
        self.sent.append(text)
        try:
            self.fail(text)
            return [rows for statement in _statements(text) if (rows := self._one(statement)) is not None]
        except mssql_python.Error:
            self._end(undo=True)
            raise

    def _end(self, *, undo: bool) -> None:
        if undo and self._before is not None:
            self.tables = dict(self._before)
        self._before = None

    def _one(self, statement: str) -> list[Row] | None:
        self._follow(statement)
        for head, question in _HEADS.items():
            if statement.startswith(head):
                return self._catalogue(question, statement)
        for mark, rows in self._others(statement):
            if mark in statement:
                return rows
        return [] if statement.startswith(("SELECT", "WITH")) else None

    def _others(self, statement: str) -> Sequence[tuple[str, list[Row]]]:
        return (
            ("sys.dm_sql_referenced_entities", self.reads),
            ("resource_type = N'APPLICATION'", self.holder),
            ("sys.dm_tran_locks", self.blockers),
            ("WHERE OBJECT_ID(N'sys.", [(name,) for name in questions.OPTIONAL]),
            ("JOIN sys.views AS b", self.views),
            ("AS orphans", [(self.orphans,)]),
            ("AS unreadable", [(int(any(view in statement for view in self.broken)),)]),
            ("is_read_committed_snapshot_on, name", [(self.versioned, "analytics")]),
            ("ROWCOUNT_BIG()", [(3,)]),
            ("COUNT_BIG(*) AS n, CASE", [(0, 0, 0)]),
            ("HASHBYTES", [(0, 0, 0, 0, 0)]),
            (
                "HAS_PERMS_BY_NAME(QUOTENAME(DB",
                [("16.0.4135.4", "Developer", 1, 1, 2, self.versioned, "analytics", self.finds)],
            ),
            ("HAS_PERMS_BY_NAME(NULL", [(self.sees,)]),
            ("EngineEdition", [(self.version, 3)]),
            ("APPLOCK_MODE", [("Exclusive",)]),
            ("AS granted", [(self.granted,)]),
            ("SELECT SCHEMA_ID(", [(5,)]),
            (", N'U') AS id", [(1,) if self.book else (None,)]),
            ("[group_key], [generation], [ordinal]", self.book),
            ("AS w (name)", [(name, "U") for name in self._names("monday") if f"(N'{name}')" in statement]),
            ("SELECT name FROM sys.tables", [(name,) for name in self._names("monday__boardlift")]),
            ("COUNT_BIG(*)", [(0,)]),
            ("AS held", [(1,)]),
        )

    def _names(self, wanted: str) -> list[str]:
        return [name for schema, name in self.tables if schema == wanted]

    def _catalogue(self, question: str, statement: str) -> list[Row]:
        if question == questions.FOREIGN_KEYS:
            return [row for row in self.keys if f"N'{row[2]}'" in statement or f"N'{row[4]}'" in statement]
        found = re.search(r"s\.name = N'(\w+)' AND t\.name IN \(([^)]*)\)", statement)
        assert found, statement
        names = re.findall(r"N'((?:[^']|'')*)'", found[2])
        there = {name: self.tables[found[1], name] for name in names if (found[1], name) in self.tables}
        if question == questions.TABLES:
            return [(name, 1000 + len(name), *_owner(facts)) for name, facts in there.items()]
        return [(name, *row) for name, facts in there.items() for row in facts.get(question, [])]

    def _follow(self, statement: str) -> None:
        if statement.startswith("BEGIN TRANSACTION"):
            self._before = dict(self.tables)
        elif statement.startswith(("COMMIT", "IF @@TRANCOUNT > 0 ROLLBACK")):
            self._end(undo=not statement.startswith("COMMIT"))
        elif found := re.match(rf"EXEC sys\.sp_rename @objname = N'{_PATH}', @newname = N'([^']+)'", statement):
            self._renamed((found[1], found[2]), (found[1], found[3]))
        elif found := re.match(rf"ALTER SCHEMA \[(\w+)\] TRANSFER {_PATH}", statement):
            self._renamed((found[2], found[3]), (found[1], found[3]))
        elif found := re.match(rf"DROP TABLE (?:IF EXISTS )?{_PATH}", statement):
            self.tables.pop((found[1], found[2]), None)
        elif found := re.match(rf"CREATE TABLE {_PATH}", statement):
            self.tables[found[1], found[2]] = PLANNING

    def _renamed(self, old: tuple[str, str], new: tuple[str, str]) -> None:
        if old not in self.tables:
            return  # a constraint
        facts = self.tables.pop(old)
        if new[0] == "monday" and "__g" not in new[1] and not new[1].startswith("boardlift_"):
            worn = self._worn.pop(new[1], {})
            kept = {question: rows for question, rows in worn.items() if question not in self.forget}
            facts = {**facts, **kept, questions.COLUMNS: facts[questions.COLUMNS]}
        elif old[0] == "monday" and "__g" not in old[1]:
            self._worn[old[1]] = facts
        self.tables[new] = facts


class Connection:
    def __init__(self, server: Server) -> None:
        self._server = server

    def cursor(self) -> Cursor:
        return Cursor(self._server)

    def close(self) -> None:
        pass


class Cursor:
    """Gives the results of a batch one by one, as the driver's does."""

    description: Any = None

    def __init__(self, server: Server) -> None:
        self._server = server
        self._results: list[list[Row]] = []

    def execute(self, operation: str) -> None:
        self._results = self._server.answer(operation)
        self._next()

    def fetchall(self) -> list[Row]:
        return self._rows

    def nextset(self) -> bool:
        if not self._results:
            self.description = None
            return False
        self._next()
        return True

    def bulkcopy_arrow(self, table_name: str, source: Any, **options: object) -> dict[str, int]:
        self._server.loads.append(f"{table_name} {sorted(options.items())}")
        return {"rows_copied": sum(each.num_rows for each in source)}

    def close(self) -> None:
        pass

    def _next(self) -> None:
        self.description = [("column",)] if self._results else None
        self._rows = self._results.pop(0) if self._results else []


def not_granted() -> mssql_python.Error:
    """What the driver raises for error 1222."""
    return mssql_python.ProgrammingError(
        "Syntax error or access violation", "[Microsoft][SQL Server]Lock request time out period exceeded."
    )


def _statements(text: str) -> list[str]:
    return [statement for statement in re.split(r";\n|;$", text) if statement.strip()]


def _owner(facts: Facts) -> Row:
    return facts.get(questions.TABLES, [("dbo", 0, "TABLE")])[0]


def book(*rows: tuple[str, int, str, str], table: str = "planning") -> list[Row]:
    """Rows of the catalogue: (group, generation, hidden name, state)."""
    return [(g, n, 0, table, hidden, state, f"run-{n}", 3, "f", MOMENT) for g, n, hidden, state in rows]


def opened_on(server: Server) -> MSSQL:
    clock = FastClock()
    clock.now = lambda: MOMENT  # type: ignore[method-assign]
    return MSSQL(URL, LIVE, clock=clock, connector=server.connect)


def group(*tables: Table, number: int = 2, replace: Replace = Replace.SWAP, key: str = "1") -> StagedGroup:
    refs = tuple((StagedRef(key, number, table, f"{table.name}__g{number}"), 3) for table in tables)
    return StagedGroup(key, number, refs, replace)


def lines(server: Server, *words: str) -> list[str]:
    """The statements with one of these words in them, as they were sent; questions are left out."""
    told = [line for text in server.sent for line in text.splitlines() if not line.startswith("SELECT")]
    return [line for line in told if any(word in line for word in words)]


def stage(server: Server, *tables: Table, number: int = 2) -> None:
    """Staged tables as the catalogue shows them when they are sealed."""
    kinds = {BIGINT: "bigint", TEXT: "text"}
    for table in tables:
        told = [(c.name, "key" if c.type == TEXT and c.name in table.key else kinds[c.type]) for c in table.columns]
        keyed = index(f"{table.name}__g{number}_pk", *table.key, kind=1, unique=True, primary=True)
        made = [row for each in table.indexes for row in index(index_name(each), *each.columns)]
        labels = [("COLUMN", c.name, "MS_Description", c.label) for c in table.columns if c.label]
        server.tables[HIDDEN, f"{table.name}__g{number}"] = {
            questions.COLUMNS: columns(*told),
            questions.INDEXES: keyed + made,
            questions.PROPERTIES: [
                *labels,
                *([("TABLE", "", "MS_Description", table.label)] if table.label else []),
                ("TABLE", "", MADE, str(len(table.columns))),
            ],
        }


def script(server: Server) -> str:
    """What was sent after the session was set up, with the questions to the catalogue left out."""
    told = [text for text in server.sent[1:] if not text.startswith("SELECT") or "AS orphans" in text]
    return "\nGO\n".join(told) + "\n"
