"""What the server's catalogue says of a table and of what people put on it. Reads only."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pymysql

from boardlift.destinations.mysql.ddl import OURS
from boardlift.destinations.mysql.errors import code_of
from boardlift.destinations.mysql.session import Session
from boardlift.shape.sql import SQL, Composable, Identifier, Literal

_NO_SUCH_TABLE = (1146, 1049)
_NAME = r'"((?:[^"]|"")+)"'
_BACKTICKED = re.compile(r"`((?:[^`]|``)+)`")
_KEY = re.compile(rf"  (?:(?:UNIQUE|FULLTEXT|SPATIAL) )?KEY {_NAME} ")
_CONSTRAINT = re.compile(rf"  CONSTRAINT {_NAME} (CHECK|FOREIGN KEY) ")
_COLUMN = re.compile(rf"  {_NAME} ")
_TEXTS = re.compile(r"'(?:[^'\\]|''|\\.)*'")
_COMMENT = re.compile(r" COMMENT '(?:[^']|'')*'")
_OPTION = re.compile(rf'"?(\w+)"?=({_TEXTS.pattern}|\S+)')
_OPTION_OF_OURS = {"ENGINE", "CHARSET", "COLLATE", "COMMENT", "AUTO_INCREMENT"}
TABLES = ("BASE TABLE", "SYSTEM VERSIONED")
_DISPLAY_WIDTH = re.compile(r"^(big|small|medium)?int\(\d+\)")


@dataclass(frozen=True)
class LiveColumn:
    """A column as it is. `type` is comparable between versions.

    `definition` is the server's own text of it, without the comment, in which it writes some characters otherwise.
    """

    name: str
    type: str
    required: bool
    generated: bool
    comment: str
    definition: str = ""

    def defined(self, comment: str) -> Composable:
        """The column with this comment, as ADD COLUMN and MODIFY COLUMN take it."""
        text: Composable = Composable(self.definition)
        if self.type == "json":  # written out with its CHECK, as MariaDB shows it, it would count as another type
            text = SQL("{} json {}").format(Identifier(self.name), SQL("NOT NULL") if self.required else SQL("NULL"))
        return SQL("{} COMMENT {}").format(text, Literal(comment))


@dataclass(frozen=True)
class Member:
    """An index, a CHECK or a foreign key of a table: its name and the server's own text of it."""

    name: str
    text: str

    @property
    def columns(self) -> set[str]:
        """The quoted names in the text after its own; texts in it are none. In expressions MySQL writes backticks."""
        text = _TEXTS.sub("''", self.text)
        names = {one.replace('""', '"') for one in re.findall(_NAME, text)}
        return (names | {one.replace("``", "`") for one in _BACKTICKED.findall(text)}) - {self.name}


@dataclass(frozen=True)
class Incoming:
    """A foreign key of another table that points at this one, column by column."""

    name: str
    namespace: str
    table: str
    pairs: tuple[tuple[str, str], ...]  # (its column, ours)

    def __str__(self) -> str:
        return f"foreign key {self.name} of {self.namespace}.{self.table}"


@dataclass(frozen=True)
class Relation:
    """A table with all that hangs on it."""

    namespace: str
    name: str
    columns: tuple[LiveColumn, ...]
    key: tuple[str, ...]
    indexes: tuple[Member, ...]
    checks: tuple[Member, ...]
    outgoing: tuple[Member, ...]
    options: tuple[tuple[str, str], ...]
    engine: str
    special: str  # partitions or versions, in the server's words; empty for a plain table
    comment: str
    triggers: tuple[tuple[str, str], ...] = field(default=())  # (name, body)
    incoming: tuple[Incoming, ...] = field(default=())

    def column(self, name: str) -> LiveColumn | None:
        return next((column for column in self.columns if column.name == name), None)

    @property
    def place(self) -> Identifier:
        return Identifier(self.namespace, self.name)


def read(session: Session, namespace: str, name: str, *, dependants: bool = False) -> Relation | None:
    """The table of that name, None when there is none. `dependants` asks for triggers and incoming foreign keys too."""
    try:
        shown = session.ask(SQL("SHOW CREATE TABLE {}").format(Identifier(namespace, name)))
    except pymysql.err.MySQLError as error:
        if code_of(error) in _NO_SUCH_TABLE:
            return None
        raise
    if len(shown[0]) != 2:  # a view
        return None
    lines = [line.removesuffix(",") for line in str(shown[0][1]).split("\n")]
    end = max(place for place, line in enumerate(lines) if line.startswith(")"))
    head = lines[end]
    options = {name.upper(): value for name, value in _OPTION.findall(head)}
    definitions = {
        _plain(found[1]): _COMMENT.sub("", line.strip()) for line in lines[:end] if (found := _COLUMN.match(line))
    }
    members = [(_KEY.match(line), _CONSTRAINT.match(line), line.strip()) for line in lines[1:end]]
    return Relation(
        namespace,
        name,
        columns=_columns(session, namespace, name, definitions),
        key=_key(session, namespace, name),
        indexes=tuple(Member(_plain(key[1]), text) for key, _, text in members if key),
        checks=tuple(Member(_plain(c[1]), text) for _, c, text in members if c and c[2] == "CHECK"),
        outgoing=tuple(Member(_plain(c[1]), text) for _, c, text in members if c and c[2] != "CHECK"),
        options=tuple(sorted((k, v) for k, v in options.items() if k not in _OPTION_OF_OURS)),
        engine=options.get("ENGINE", ""),
        special=_special(lines[end:]),
        comment=_comment(session, namespace, name),
        triggers=_triggers(session, namespace, name) if dependants else (),
        incoming=_incoming(session, namespace, name) if dependants else (),
    )


def is_ours(index: Member) -> bool:
    """Whether boardlift made it by itself."""
    return index.text.endswith(f"COMMENT '{OURS}'")


def tables(session: Session, namespace: str) -> dict[str, str]:
    """Names in a namespace -> what they are (`BASE TABLE`, `VIEW`, ...)."""
    statement = SQL("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = {}")
    return {str(name): str(kind) for name, kind in session.ask(statement.format(Literal(namespace)))}


def _plain(quoted: str) -> str:
    return quoted.replace('""', '"')


def _special(lines: list[str]) -> str:
    words = _TEXTS.sub("''", " ".join(line.strip() for line in lines))
    for sign in ("PARTITION BY", "WITH SYSTEM VERSIONING", "SECONDARY_ENGINE", "TABLESPACE", "UNION="):
        if sign in words:
            return sign.removesuffix("=")
    return ""


def _of(statement: SQL, namespace: str, name: str) -> Composable:
    return statement.format(Literal(namespace), Literal(name))


def _columns(session: Session, namespace: str, name: str, definitions: dict[str, str]) -> tuple[LiveColumn, ...]:
    rows = session.ask(
        _of(
            SQL(
                "SELECT column_name, column_type, collation_name, is_nullable, extra, column_comment"
                " FROM information_schema.columns WHERE table_schema = {} AND table_name = {} ORDER BY ordinal_position"
            ),
            namespace,
            name,
        )
    )
    return tuple(
        LiveColumn(
            str(column),
            comparable(session, str(type_), str(collation or "")),
            str(nullable) == "NO",
            "GENERATED" in str(extra).upper().replace("DEFAULT_GENERATED", ""),
            str(note or ""),
            definitions.get(str(column), ""),
        )
        for column, type_, collation, nullable, extra, note in rows
    )


def comparable(session: Session, type_: str, collation: str) -> str:
    """A type without what versions say differently: the width of integers, and JSON, which MariaDB keeps as a text."""
    plain = _DISPLAY_WIDTH.sub(lambda found: found[0].partition("(")[0], type_.lower())
    if session.mariadb and plain == "longtext" and collation == "utf8mb4_bin":
        return "json"
    return plain


def _key(session: Session, namespace: str, name: str) -> tuple[str, ...]:
    rows = session.ask(
        _of(
            SQL(
                "SELECT column_name FROM information_schema.statistics WHERE table_schema = {} AND table_name = {}"
                " AND index_name = 'PRIMARY' ORDER BY seq_in_index"
            ),
            namespace,
            name,
        )
    )
    return tuple(str(column) for (column,) in rows)


def _comment(session: Session, namespace: str, name: str) -> str:
    statement = SQL("SELECT table_comment FROM information_schema.tables WHERE table_schema = {} AND table_name = {}")
    rows = session.ask(_of(statement, namespace, name))
    return str(rows[0][0]) if rows else ""


def _triggers(session: Session, namespace: str, name: str) -> tuple[tuple[str, str], ...]:
    rows = session.ask(
        _of(
            SQL(
                "SELECT trigger_name, action_statement FROM information_schema.triggers"
                " WHERE event_object_schema = {} AND event_object_table = {} ORDER BY 1"
            ),
            namespace,
            name,
        )
    )
    return tuple((str(trigger), str(body)) for trigger, body in rows)


def _incoming(session: Session, namespace: str, name: str) -> tuple[Incoming, ...]:
    rows = session.ask(
        _of(
            SQL(
                "SELECT constraint_name, table_schema, table_name, column_name, referenced_column_name"
                " FROM information_schema.key_column_usage"
                # MySQL 9.7 takes a quote in a name that this view is asked for as the end of it.
                " WHERE referenced_table_schema = {} AND hex(referenced_table_name) = {}"
                " ORDER BY table_schema, table_name, constraint_name, ordinal_position"
            ),
            namespace,
            name.encode().hex().upper(),
        )
    )
    found: dict[tuple[str, str, str], list[tuple[str, str]]] = {}
    for constraint, schema, table, column, ours in rows:
        found.setdefault((str(constraint), str(schema), str(table)), []).append((str(column), str(ours)))
    return tuple(Incoming(*where, tuple(pairs)) for where, pairs in found.items())
