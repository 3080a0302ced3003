-- Layout 3: what was found out about an account or a board and makes the next run faster. Nothing depends on it.

PRAGMA user_version = 3;

CREATE TABLE memory (
    subject TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (subject, name)
) STRICT, WITHOUT ROWID;
