"""From any title to a name that every SQL engine takes unquoted: lower snake case, ASCII, bounded, not reserved."""

from __future__ import annotations

import re
from collections.abc import Container

from anyascii import anyascii

MAX_COLUMN_BYTES = 63  # PostgreSQL's NAMEDATALEN - 1, the shortest of the common engines
MAX_TABLE_BYTES = 50  # leaves room for the generation suffix `__g1234567890` of staged and kept tables

# The union of words that PostgreSQL, SQL Server, MySQL/MariaDB, SQLite or DuckDB reserve and that titles do use.
RESERVED = frozenset(
    """
    abort add all alter analyse analyze and any array as asc asymmetric authorization backup before begin between
    bigint binary blob both break browse bulk by call cascade case cast change char character check checkpoint close
    clustered coalesce collate collation column commit compute condition constraint contains continue convert create
    cross cube current current_catalog current_date current_role current_schema current_time current_timestamp
    current_user cursor database databases dbcc deallocate dec decimal declare default deferrable delayed delete deny
    desc describe deterministic disk distinct distributed div do double drop dual dump each else elseif end errlvl
    escape except exec execute exists exit explain external false fetch file fillfactor float for force foreign freeze
    freetext from full fulltext function generated glob goto grant group groups having high_priority holdlock if
    ignore ilike in index infile initially inner inout insert int integer intersect interval into is isnull iterate
    join key keys kill lag lambda last_value lateral lead leading leave left like limit linear lineno lines load
    localtime localtimestamp lock long loop low_priority match merge mod national natural new no nocheck nonclustered
    not notnull null nullif numeric of off offset offsets old on only open option optionally or order out outer
    outfile over overlaps partition percent persist pivot placing plan position precision primary print proc procedure
    public purge qualify raiserror range rank read reads real recursive references regexp release rename repeat replace
    replication require resignal restore restrict return returning revert revoke right rlike role rollback row
    row_number rowcount rowguidcol rows rule save schema schemas select semantickeyphrasetable separator session_user
    set setuser show shutdown signal similar smallint some spatial sql starting statistics stored summarize symmetric
    system system_user table tablesample tablespace terminated textsize then time timestamp tinyint to top trailing
    tran transaction trigger true truncate try_convert tsequal undo union unique unlock unpivot unsigned update
    updatetext usage use user using values varbinary varchar variadic varying verbose view virtual waitfor when where
    while window with within writetext write xor zerofill
    """.split()
)

_RUNS = re.compile(r"[^a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")


def slug(title: str, limit: int = MAX_COLUMN_BYTES) -> str:
    """Lower snake case of a title, transliterated to ASCII; empty when nothing pronounceable is left.

    `slug("Größe (cm)") == "grosse_cm"`, `slug("\U0001f389") == ""` (an emoji has a name, not a sound).
    """
    spoken = "".join(anyascii(ch) if _has_sound(ch) else " " for ch in title)
    spoken = _CAMEL.sub("_", spoken).lower().replace("'", "")
    return _RUNS.sub("_", spoken).strip("_")[:limit].strip("_")


def portable(title: str, fallback: str, limit: int = MAX_COLUMN_BYTES) -> str:
    """A name for `title` that needs no quotes; `fallback` (an id) speaks when the title has no letters."""
    name = slug(title, limit - 2) or slug(fallback, limit - 2) or "unnamed"
    if name[0].isdigit():
        name = f"n{name}"
    return f"{name}_" if name in RESERVED else name


def distinct(name: str, tag: str, taken: Container[str], limit: int = MAX_COLUMN_BYTES) -> str:
    """`name` if free, else `name_tag` (the tag is the column's id), else `name_tag_2`, ... never over `limit` bytes."""
    if name not in taken:
        return name
    suffix = f"_{slug(tag, 24) or 'x'}"
    candidate = name[: limit - len(suffix)].rstrip("_") + suffix
    number = 2
    while candidate in taken:
        numbered = f"{suffix}_{number}"
        candidate = name[: limit - len(numbered)].rstrip("_") + numbered
        number += 1
    return candidate


def _has_sound(ch: str) -> bool:
    return ch.isascii() or ch.isalpha() or ch.isnumeric()
