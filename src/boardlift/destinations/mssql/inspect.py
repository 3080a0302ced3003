"""Reads what SQL Server's catalogue says about tables, and who holds them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import LiteralString

from boardlift.destinations.mssql import questions
from boardlift.destinations.mssql.ddl import MADE
from boardlift.destinations.mssql.errors import DRIVER_ERRORS
from boardlift.destinations.mssql.objects import (
    COLUMNSTORE,
    NONCLUSTERED,
    Check,
    ColumnFact,
    Default,
    Dependant,
    ForeignKey,
    Grant,
    IndexFact,
    Live,
    Predicate,
    Property,
    Statistic,
    Trigger,
)
from boardlift.destinations.mssql.session import Rows, Session
from boardlift.destinations.mssql.sql import Name, Text, batch
from boardlift.shape.sql import COMMA, SQL

_SIZED = {"varchar", "char", "varbinary", "binary", "nvarchar", "nchar"}
_WIDE = {"nvarchar", "nchar"}
_SCALED = {"time", "datetime2", "datetimeoffset"}

Row = tuple[object, ...]


class Inspector:
    """Asks one session; knows which catalogue views its server has."""

    def __init__(self, session: Session) -> None:
        self._session = session
        here = {str(name) for (name,) in session.send(batch([questions.which_views(questions.OPTIONAL)]))}
        self._questions = [*questions.ALWAYS, *(q for view, q in questions.OPTIONAL.items() if view in here)]
        self._sees_readers = "sys.sql_expression_dependencies" in here

    def tables(self, schema: str, names: Iterable[str]) -> dict[str, Live]:
        """Tables by name, with all that hangs on them; those that are not there are left out. One round trip."""
        wanted = sorted(set(names))
        if not wanted:
            return {}
        asked = batch(questions.asked(question, schema, wanted) for question in self._questions)
        answers = [rows for _, rows in self._session.sets(asked)]
        found = dict(zip(self._questions, answers, strict=True))
        return _tables(schema, found)

    def views_reading(self, bases: Iterable[Dependant]) -> list[Dependant]:
        """These views and those that read them, directly or not, each after the ones it reads."""
        first = [base for base in bases if base.kind == "V"]
        if not first or not self._sees_readers:
            return first
        edges = [tuple(map(str, row)) for row in self._session.send(batch([questions.views_on_views()]))]
        order: dict[tuple[str, str], Dependant] = {}

        def visit(view: Dependant) -> None:
            place = (view.schema, view.name)
            order.pop(place, None)  # it has to come after every view that it reads
            order[place] = view
            for schema, name, base_schema, base in edges:
                if (base_schema, base) == place and (schema, name) != place:
                    visit(Dependant(schema, name, "V", bound=False))

        for view in first:
            visit(view)
        return list(order.values())

    def can_be_read(self, view: Dependant) -> bool:
        """Whether a view works as things are; also where the server does not say. Raises the driver's errors."""
        rows = self._session.send(batch([questions.can_be_read(Name(view.schema, view.name).text)]))
        return not rows or not whole(rows[0][0])

    def columns_read(self, module: tuple[str, str], table: tuple[str, str], columns: Iterable[str]) -> list[str]:
        """Those of `columns` of a table that a view, a function or a trigger reads by name.

        All of them where the server cannot tell, because the module does not compile or names what is not there.
        """
        wanted = sorted(columns)
        if not wanted:
            return []
        asked = questions.columns_read(Name(*module).text, Name(*table).text, wanted)
        try:
            return [str(name) for (name,) in self._session.send(batch([asked]))]
        except DRIVER_ERRORS:
            return wanted


@dataclass(frozen=True)
class Blocker:
    """A session that holds a lock on a live table."""

    session: int
    login: str
    host: str
    program: str
    since: str
    query: str

    def __str__(self) -> str:
        where = f" on {self.host}" if self.host else ""
        return f"session {self.session}, {self.login}{where} ({self.program}), since {self.since} UTC: {self.query}"


_BLOCKERS: LiteralString = (
    "SELECT DISTINCT z.session_id, z.login_name, COALESCE(z.host_name, N''), COALESCE(z.program_name, N''),"
    " CONVERT(NVARCHAR(19), DATEADD(SECOND, DATEDIFF(SECOND, GETDATE(), GETUTCDATE()),"
    " COALESCE(r.start_time, z.last_request_start_time)), 120), COALESCE(LEFT(q.text, 200), N'')"
    " FROM sys.dm_tran_locks AS l JOIN sys.dm_exec_sessions AS z ON z.session_id = l.request_session_id"
    " LEFT JOIN sys.dm_exec_requests AS r ON r.session_id = z.session_id"
    " LEFT JOIN sys.dm_exec_connections AS c ON c.session_id = z.session_id AND c.parent_connection_id IS NULL"
    " OUTER APPLY sys.dm_exec_sql_text(COALESCE(r.sql_handle, c.most_recent_sql_handle)) AS q"
    " WHERE l.resource_type = N'OBJECT' AND l.resource_database_id = DB_ID() AND l.request_status = N'GRANT'"
    " AND l.request_session_id <> @@SPID AND l.resource_associated_entity_id IN ({objects}) ORDER BY 1"
)


def blockers(session: Session, schema: str, names: Iterable[str]) -> list[Blocker]:
    """The sessions that hold locks on tables right now. Raises the driver's error where this may not be seen."""
    objects = COMMA.join(SQL("OBJECT_ID({})").format(Text(Name(schema, name).text)) for name in names)
    rows = session.send(batch([SQL(_BLOCKERS).format(objects=objects)]))
    return [
        Blocker(whole(number), str(login), str(host), str(program), str(since), " ".join(str(query).split())[:80])
        for number, login, host, program, since, query in rows
    ]


def whole(value: object) -> int:
    """A number that SQL Server gave as such."""
    return int(str(value))


def _tables(schema: str, found: dict[LiteralString, Rows]) -> dict[str, Live]:
    def of(question: LiteralString, name: str) -> list[Row]:
        return [row[1:] for row in found.get(question, []) if row[0] == name]

    keys = _foreign_keys(found[questions.FOREIGN_KEYS])
    tables = {}
    for row in found[questions.TABLES]:
        name = str(row[0])
        indexes, tied = _indexes(of(questions.INDEXES, name))
        masks = {str(column): str(function) for column, function in of(questions.MASKS, name)}
        columns = tuple(_column(column, masks) for column in of(questions.COLUMNS, name))
        tied += [f"its column {column.name} is computed" for column in columns if column.computed]
        properties = [
            Property(*each) for each in sorted(tuple(map(str, row)) for row in of(questions.PROPERTIES, name))
        ]
        tied += [str(why) for q in _TIED for (why,) in of(q, name)]
        tables[name] = Live(
            name,
            whole(row[1]),
            str(row[2]),
            bool(row[3]),
            str(row[4]),
            columns=columns,
            indexes=indexes,
            checks=tuple(_check(check) for check in of(questions.CHECKS, name)),
            defaults=tuple(Default(*map(str, default)) for default in of(questions.DEFAULTS, name)),
            pointing_in=tuple(key for key in keys if key.parent == (schema, name) and key.child != (schema, name)),
            pointing_out=tuple(key for key in keys if key.child == (schema, name)),
            triggers=_triggers(of(questions.TRIGGERS, name)),
            grants=tuple(_grant(grant) for grant in of(questions.GRANTS, name)),
            properties=tuple(each for each in properties if each.name != MADE),
            made=next((int(each.value) for each in properties if each.name == MADE and each.value.isdecimal()), 0),
            predicates=tuple(_predicate(predicate) for predicate in of(questions.PREDICATES, name)),
            statistics=_statistics(of(questions.STATISTICS, name)),
            dependants=tuple(_dependant(each) for each in of(questions.DEPENDANTS, name)),
            tied=tuple(tied),
        )
    return tables


_TIED = (
    questions.TIED,
    questions.PARTITIONED,
    questions.TRACKED,
    *(questions.FULLTEXT, questions.CLASSIFIED),
    questions.AUDITED,
)


def _column(row: Row, masks: dict[str, str]) -> ColumnFact:
    name, kind, length, precision, scale, collation, nullable, computed, identity = row
    spelled, size = str(kind).upper(), whole(length)
    if kind in _SIZED:
        units = size // 2 if kind in _WIDE else size
        spelled += "(MAX)" if size == -1 else f"({units})"
    elif kind in {"decimal", "numeric"}:
        spelled += f"({precision}, {scale})"
    elif kind in _SCALED:
        spelled += f"({scale})"
    elif kind == "float":
        spelled += f"({precision})"
    if collation:
        spelled += f" COLLATE {collation}"
    return ColumnFact(str(name), spelled, bool(nullable), bool(computed), bool(identity), masks.get(str(name), ""))


def _indexes(rows: Sequence[Row]) -> tuple[tuple[IndexFact, ...], list[str]]:
    """The indexes that can be made again, and what is to be said of the others."""
    found, tied = [], []
    for name, group in groupby(rows, key=lambda row: row[0]):
        members = list(group)
        first = members[0]
        kind, primary = whole(first[1]), bool(first[3])
        if kind not in (NONCLUSTERED, COLUMNSTORE) and not primary:
            tied.append(f"its index {name} is neither an ordinary nonclustered nor a columnstore one")
            continue
        keys = sorted((whole(row[14]), str(row[13]), bool(row[15])) for row in members if whole(row[14]))
        found.append(
            IndexFact(
                str(name),
                kind,
                bool(first[2]),
                primary,
                bool(first[4]),
                tuple((column, down) for _, column, down in keys),
                tuple(str(row[13]) for row in members if not whole(row[14])),
                str(first[5]),
                _options(first, kind),
                bool(first[9]),
            )
        )
    return tuple(found), tied


def _options(row: Row, kind: int) -> str:
    """What stands in WITH (...), as far as it is not the default. Made of numbers and of words that are known."""
    if kind == COLUMNSTORE:
        return "DATA_COMPRESSION = COLUMNSTORE_ARCHIVE" if row[12] == "COLUMNSTORE_ARCHIVE" else ""
    options = [f"FILLFACTOR = {whole(row[6])}"] if whole(row[6]) else []
    options += ["PAD_INDEX = ON"] if row[7] else []
    options += ["IGNORE_DUP_KEY = ON"] if row[8] else []
    options += [] if row[10] else ["ALLOW_ROW_LOCKS = OFF"]
    options += [] if row[11] else ["ALLOW_PAGE_LOCKS = OFF"]
    options += [f"DATA_COMPRESSION = {row[12]}"] if row[12] in {"ROW", "PAGE"} else []
    return ", ".join(options)


def _check(row: Row) -> Check:
    return Check(str(row[0]), str(row[1]), not row[2], not row[3])


def _grant(row: Row) -> Grant:
    return Grant(str(row[0]).strip(), *(str(value) for value in row[1:]))


def _predicate(row: Row) -> Predicate:
    return Predicate((str(row[0]), str(row[1])), str(row[2]), str(row[3]), str(row[4]))


def _dependant(row: Row) -> Dependant:
    return Dependant(str(row[0]), str(row[1]), str(row[2]).strip(), bool(row[3]))


def _foreign_keys(rows: Rows) -> list[ForeignKey]:
    found = []
    for place, group in groupby(rows, key=lambda row: (row[1], row[2], row[0])):
        members = list(group)
        first = members[0]
        found.append(
            ForeignKey(
                str(place[2]),
                (str(first[1]), str(first[2])),
                (str(first[3]), str(first[4])),
                tuple((str(row[5]), str(row[6])) for row in members),
                str(first[7]),
                str(first[8]),
                enabled=not first[9],
                trusted=not first[10],
                replicated=not first[11],
                escalation=str(first[12]),
            )
        )
    return found


def _triggers(rows: Sequence[Row]) -> tuple[Trigger, ...]:
    found = []
    for name, group in groupby(rows, key=lambda row: row[0]):
        members = list(group)
        first = members[0]
        found.append(
            Trigger(
                str(name),
                str(first[1]),
                enabled=not first[2],
                instead=bool(first[3]),
                ordinary=bool(first[4]) and bool(first[5]),
                first=tuple(str(row[6]) for row in members if row[7]),
                last=tuple(str(row[6]) for row in members if row[8]),
            )
        )
    return tuple(found)


def _statistics(rows: Sequence[Row]) -> tuple[Statistic, ...]:
    found = []
    for name, group in groupby(rows, key=lambda row: row[0]):
        members = list(group)
        columns = tuple(str(row[3]) for row in members)
        found.append(Statistic(str(name), columns, str(members[0][1]), bool(members[0][2])))
    return tuple(found)
