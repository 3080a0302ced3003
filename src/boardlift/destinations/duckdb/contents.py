"""Stored generations looked at as a whole, inside DuckDB: what they hold and how many bytes they take."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence

from boardlift.destinations.duckdb.session import Session
from boardlift.destinations.interface import Generation, StoredTable
from boardlift.shape.sql import COMMA, SQL, Composable, Identifier, Literal

_VARCHAR_BYTES = 16  # a text in memory, without what does not fit into it
_ENTRY_BYTES = 16  # a row in an index: its place and a branch of the tree


def fingerprint(session: Session, namespace: str, place: str) -> str:
    """A digest of the rows of a stored table, in whatever order they lie.

    Each row is written out without ambiguity (length before text, a mark of its own for NULL) and hashed; the four
    quarters of the hashes are added up, so that every row counts and a doubled one counts twice.
    """
    catalogued = SQL(
        "SELECT column_name FROM duckdb_columns() WHERE database_name = current_database()"
        " AND schema_name = $1 AND table_name = $2 ORDER BY column_index"
    )
    columns = [str(row[0]) for row in session.ask(catalogued, [namespace, place])]
    written = SQL(" || ").join(
        SQL("coalesce(length({0}::VARCHAR) || ':' || {0}::VARCHAR, '-')").format(Identifier(name)) for name in columns
    )
    quarters = COMMA.join(
        SQL("coalesce(sum(('0x' || substr(digest, {}, 16))::UBIGINT), 0)::VARCHAR").format(Literal(start))
        for start in (1, 17, 33, 49)
    )
    statement = SQL("SELECT count(*)::VARCHAR, {} FROM (SELECT sha256({}) AS digest FROM {})").format(
        quarters, written, session.at(namespace, place)
    )
    parts = [str(part) for part in session.ask(statement)[0]]
    return hashlib.sha256("\n".join([*columns, *parts]).encode()).hexdigest()


def bytes_taken(session: Session, namespace: str, known: Sequence[Generation]) -> dict[tuple[str, int], int]:
    """Bytes of each stored generation: the blocks its tables lie in, and an estimate of what has no block of its own.

    A block that several small tables share is divided among them. DuckDB does not tell the size of an index or of rows
    that are not written to the file yet; both are counted by their rows.
    """
    statement = SQL("SELECT block_size FROM pragma_database_size() WHERE database_name = current_database()")
    block = int(str(session.ask(statement)[0][0]))
    trees = _trees(session, namespace)
    found = {
        table.hidden_name: _storage(session, session.at(namespace, table.hidden_name))
        for generation in known
        for table in generation.tables
    }
    users = Counter(number for blocks, _ in found.values() for number in blocks)

    def table_bytes(table: StoredTable) -> float:
        blocks, unwritten = found[table.hidden_name]
        shares = sum(block / users[number] for number in blocks)
        return shares + unwritten + trees[table.hidden_name] * table.rows * _ENTRY_BYTES

    return {(g.group, g.number): max(1, round(sum(map(table_bytes, g.tables)))) for g in known}


def _trees(session: Session, namespace: str) -> Counter[str]:
    """How many keys and indexes each table has."""
    statement = SQL(
        "SELECT table_name FROM duckdb_indexes() WHERE database_name = current_database() AND schema_name = $1"
        " UNION ALL SELECT table_name FROM duckdb_constraints() WHERE database_name = current_database()"
        " AND schema_name = $1 AND constraint_type = 'PRIMARY KEY'"
    )
    return Counter(str(row[0]) for row in session.ask(statement, [namespace]))


def _storage(session: Session, target: Composable) -> tuple[set[int], int]:
    """The blocks of the file that a table lies in, and the bytes of its rows that lie in none."""
    statement = SQL(
        "SELECT CASE WHEN persistent THEN list_prepend(block_id, additional_block_ids) END, CASE WHEN NOT persistent"
        " THEN count * CASE segment_type WHEN 'VARCHAR' THEN {text} WHEN 'VALIDITY' THEN 1 ELSE 8 END END"
        " FROM pragma_storage_info({target})"
    ).format(target=Literal(target.text), text=Literal(_VARCHAR_BYTES))
    blocks: set[int] = set()
    unwritten = 0
    for numbers, size in session.ask(statement):
        if isinstance(numbers, list):
            blocks |= {number for number in numbers if number is not None and number >= 0}
        elif size is not None:
            unwritten += int(str(size))
    return blocks, unwritten


def strange_objects(session: Session, live: str, hidden: str, ours: Collection[str]) -> list[str]:
    """What stands in the live schema, or besides tables in the hidden one, that boardlift did not put there."""
    statement = SQL(
        "SELECT 'table', schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database()"
        " UNION ALL SELECT 'view', schema_name, view_name FROM duckdb_views()"
        " WHERE database_name = current_database() AND NOT internal"
        " UNION ALL SELECT 'macro', schema_name, function_name FROM duckdb_functions()"
        " WHERE database_name = current_database() AND NOT internal"
        " UNION ALL SELECT 'sequence', schema_name, sequence_name FROM duckdb_sequences()"
        " WHERE database_name = current_database()"
        " UNION ALL SELECT 'type', schema_name, type_name FROM duckdb_types()"
        " WHERE database_name = current_database() AND NOT internal ORDER BY ALL"
    )
    return [
        f"{kind} {schema}.{name}"
        for kind, schema, name in session.ask(statement)
        if (schema == live and not (kind == "view" and name in ours)) or (schema == hidden and kind != "table")
    ]
