"""What MariaDB and MySQL can promise, word by word."""

from __future__ import annotations

from boardlift.destinations.interface import Capabilities

CAPABILITIES = Capabilities(
    engine="MariaDB / MySQL",
    transactional_ddl=False,
    one_commit_for_many_boards=True,
    column_comments=True,
    max_columns=1017,
    max_identifier_bytes=64,
    swap="One RENAME TABLE moves the old tables out, the new ones in, and the catalogue with them; a reader may wait"
    " for some milliseconds.",
    crash="A RENAME TABLE of many tables happens whole or not at all, also when the server is killed in it (MariaDB"
    " 10.6 and MySQL 8.0, and later, undo what was not finished when they start again).",
    in_place="The rows are deleted and inserted again in one InnoDB transaction; when the same run also swaps other"
    " tables, it is committed right after the RENAME TABLE, and the next run finishes it should that commit be lost.",
    keeps=(
        "grants on tables and columns",
        "views",
        "indexes",
        "CHECK constraints (MariaDB; on MySQL with `replace: in_place`)",
        "comments on columns without a title",
        "table options",
        "triggers, foreign keys, generated columns and partitions with `replace: in_place`",
    ),
    tables_in_one_commit=20,
    limits=(
        "one commit replaces up to 20 live tables, up to 250 on a server that was quick at it, lest readers wait; a run"
        " that replaces more takes several commits, each of whole boards, and between them readers see some boards new"
        " and others not; a new table, or one filled in place, counts as a tenth",
        "65,535 bytes in a row, of which about 8,000 in its page: more than 196 texts in a table fit only if many are"
        " empty or long",
        "3,072 bytes in a key: a text that is part of one holds up to 512 characters, and a longer one is an error",
        "decimal(38,10); on MySQL at most 30 digits behind the point",
        "instants are DATETIME(6) in UTC, for TIMESTAMP ends in 2038",
        "comments know no character beyond U+FFFF; an emoji in a title is written \\u{1F389}",
    ),
)
