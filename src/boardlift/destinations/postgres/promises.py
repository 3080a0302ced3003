"""What PostgreSQL can promise. Importable without its drivers."""

from __future__ import annotations

from boardlift.destinations.interface import Capabilities

CAPABILITIES = Capabilities(
    engine="PostgreSQL",
    transactional_ddl=True,
    one_commit_for_many_boards=True,
    column_comments=True,
    max_columns=1600,
    max_identifier_bytes=63,
    swap="One transaction moves the old tables out and the new ones in; a reader may wait for some milliseconds.",
    crash="When the server or the connection dies in a swap, the old tables or the new ones are live, whole; the next"
    " run clears away what was staged.",
    in_place="One transaction gives the live table the staged rows, touching only those that differ; readers see the"
    " old ones until it commits and wait for nothing, except for milliseconds when columns come or go.",
    keeps=(
        "owner and grants, on tables and columns",
        "views, and views on views, in any schema",
        "materialized views, which are filled anew",
        "foreign keys in both directions",
        "check, unique and exclusion constraints and NOT NULL",
        "indexes, with their tablespace, comments and statistics targets",
        "triggers, rules, row-level security and its policies",
        "comments",
        "publications, with column lists and row filters",
        "functions with SQL-standard bodies",
        "defaults, storage, statistics, extended statistics, table options, replica identity, cluster marks",
    ),
    tables_in_one_commit=125,
    limits=(
        "jsonb cannot hold U+0000: it is left out",
        "one commit replaces up to 125 live tables, up to 250 on a server that was quick at it, lest readers wait; a"
        " run that replaces more takes several commits, each of whole boards, and between them readers see some boards"
        " new and others not; boards with foreign keys between them stay together; a new table, or one filled in"
        " place, counts as a tenth",
        "a table whose row type is used as a type elsewhere, or that has a parent or children, is not swapped",
    ),
)
