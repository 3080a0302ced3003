"""What SQL Server can promise."""

from __future__ import annotations

from boardlift.destinations.interface import Capabilities

CAPABILITIES = Capabilities(
    engine="SQL Server",
    transactional_ddl=True,
    one_commit_for_many_boards=True,
    column_comments=True,
    max_columns=1024,
    max_identifier_bytes=256,
    swap="One transaction moves the old tables out and the new ones in; a reader may wait for some milliseconds.",
    crash="The server rolls the open transaction back: all tables are the old ones or all are the new ones.",
    in_place="Rows are deleted and inserted in one transaction while readers see the old ones, for which the database"
    " must have READ_COMMITTED_SNAPSHOT on; where the columns change, readers wait until the table is filled.",
    keeps=(
        "owner and permissions (GRANT, DENY, with grant option, on columns)",
        "indexes, statistics, CHECK, UNIQUE and DEFAULT constraints, foreign keys in both directions",
        "triggers with their order, security policies, dynamic data masks, extended properties",
        "views, functions, procedures and synonyms, which bind by name; views are refreshed when columns change",
    ),
    same_keys="To SQL Server keys that differ by spaces at the end alone are one",
    limits=(
        "8,060 bytes of a row, without long texts, which leave it",
        "400 characters of a text in a key or an index, fewer where it has several",
        "38 digits of a decimal; microseconds of an instant",
        "a double is finite (NaN and infinity stop the load) and no nearer to zero than 2.23E-308, or zero",
        "spaces at the end of a text in a key do not count: keys that differ by them alone are one",
        "a SNAPSHOT transaction that began before a swap, or a change of columns, cannot read the table after it"
        " (error 3961) and has to begin again",
        "what others write to a table just before it is first refilled in place may be missing in its kept copy",
        "foreign keys are checked anew within the swap: the larger the tables that they tie, the longer readers wait",
    ),
)
