-- Layout 4: the accounts that are read, who reads them now, and what was used of their calls today.

PRAGMA user_version = 4;

-- What is known of the account behind a token. The key is a digest of address and token, never the token.

CREATE TABLE accounts (
    token_digest TEXT NOT NULL PRIMARY KEY CHECK (length(token_digest) = 16),
    account_id TEXT NOT NULL,
    tier TEXT NOT NULL DEFAULT '',
    calls_per_day INTEGER CHECK (calls_per_day > 0),
    at_once INTEGER NOT NULL DEFAULT 0 CHECK (at_once >= 0),
    seconds_per_call REAL NOT NULL DEFAULT 0 CHECK (seconds_per_call >= 0),
    seen_at TEXT NOT NULL
);

-- Calls by account and UTC day, of all processes together.

CREATE TABLE account_calls (
    account_id TEXT NOT NULL,
    day TEXT NOT NULL,
    calls INTEGER NOT NULL CHECK (calls >= 0),
    PRIMARY KEY (account_id, day)
);

-- Processes that read an account now. The lock file beside the ledger decides who is alive; a dead row is swept.

CREATE TABLE account_readers (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL,
    holder TEXT NOT NULL,
    since TEXT NOT NULL
);
CREATE INDEX account_readers_by_account ON account_readers (account_id);
