-- Layout 5: what webhooks said has changed and no sync has brought over yet.
-- `after_run` is the newest run when the event was written: only a run with a greater `seq` began after the event, so
-- no clock decides whether a sync has seen it.

PRAGMA user_version = 5;

CREATE TABLE dirty_boards (
    destination TEXT NOT NULL,
    namespace TEXT NOT NULL,
    board_id TEXT NOT NULL CHECK (board_id <> ''),
    after_run INTEGER NOT NULL,
    since TEXT NOT NULL,
    PRIMARY KEY (destination, namespace, board_id, after_run)
);

-- `item_board_id` differs from `board_id` for subitems: theirs is a hidden board, which is lifted with the board above.
CREATE TABLE dirty_items (
    destination TEXT NOT NULL,
    namespace TEXT NOT NULL,
    board_id TEXT NOT NULL CHECK (board_id <> ''),
    item_board_id TEXT NOT NULL CHECK (item_board_id <> ''),
    item_id TEXT NOT NULL CHECK (item_id <> ''),
    after_run INTEGER NOT NULL,
    event TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    PRIMARY KEY (destination, namespace, board_id, item_board_id, item_id)
);

-- Webhooks that have come, so that one that comes again changes nothing. Old ones are forgotten.
CREATE TABLE deliveries (
    destination TEXT NOT NULL,
    namespace TEXT NOT NULL,
    trigger_uuid TEXT NOT NULL CHECK (trigger_uuid <> ''),
    item_board_id TEXT NOT NULL,
    item_id TEXT NOT NULL,
    received_at TEXT NOT NULL,
    PRIMARY KEY (destination, namespace, trigger_uuid, item_board_id, item_id)
);
CREATE INDEX deliveries_by_age ON deliveries (received_at);

-- The newest run that was a listener's pass over all boards.
CREATE TABLE full_passes (
    destination TEXT NOT NULL,
    namespace TEXT NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id),
    PRIMARY KEY (destination, namespace)
);
