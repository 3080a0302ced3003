-- Version 1 of the ledger. A released migration is never edited; the next version is another file in store.MIGRATIONS.
-- Times are ISO 8601 text in UTC with microseconds. Every change worth asking about later leaves a row in `events`,
-- written by a trigger and therefore in the same transaction as the change itself.

PRAGMA application_id = 0x424C4654;
PRAGMA user_version = 1;

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    subject TEXT NOT NULL CHECK (subject IN ('run', 'promotion', 'name', 'label', 'shape', 'lease')),
    subject_id TEXT NOT NULL,
    event TEXT NOT NULL CHECK (event <> ''),
    detail TEXT NOT NULL DEFAULT ''
);
CREATE INDEX events_by_subject ON events (subject, subject_id);

CREATE TRIGGER events_never_replaced BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_never_changed BEFORE UPDATE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
CREATE TRIGGER events_never_deleted BEFORE DELETE ON events
BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;


-- Runs: running -> succeeded | failed | blocked | crashed, once.

CREATE TABLE runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE CHECK (id <> ''),
    kind TEXT NOT NULL CHECK (kind IN ('sync', 'test', 'rollback')),
    destination TEXT NOT NULL,
    namespace TEXT NOT NULL,
    holder TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'running'
        CHECK (status IN ('running', 'succeeded', 'failed', 'blocked', 'crashed')),
    started_at TEXT NOT NULL,
    ended_at TEXT,
    error TEXT NOT NULL DEFAULT '',
    CHECK ((status = 'running') = (ended_at IS NULL))
);
CREATE INDEX runs_running ON runs (seq) WHERE status = 'running';

CREATE TRIGGER runs_begin_running BEFORE INSERT ON runs
WHEN NEW.status <> 'running'
BEGIN SELECT RAISE(ABORT, 'a run begins as running'); END;
CREATE TRIGGER runs_never_replaced BEFORE INSERT ON runs
WHEN EXISTS (SELECT 1 FROM runs WHERE id = NEW.id OR seq = NEW.seq)
BEGIN SELECT RAISE(ABORT, 'a run of this id exists'); END;
CREATE TRIGGER runs_end_once BEFORE UPDATE ON runs
WHEN OLD.status <> 'running'
BEGIN SELECT RAISE(ABORT, 'an ended run cannot be changed or re-opened'); END;
CREATE TRIGGER runs_keep_origin BEFORE UPDATE OF seq, id, kind, destination, namespace, holder, started_at ON runs
BEGIN SELECT RAISE(ABORT, 'what a run was started with cannot be changed'); END;
CREATE TRIGGER runs_never_deleted BEFORE DELETE ON runs
BEGIN SELECT RAISE(ABORT, 'runs are kept'); END;

CREATE TRIGGER runs_started AFTER INSERT ON runs
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.started_at, 'run', NEW.id, 'started', NEW.kind || ' by ' || NEW.holder);
END;
CREATE TRIGGER runs_ended AFTER UPDATE OF status ON runs
WHEN NEW.status <> OLD.status
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.ended_at, 'run', NEW.id, NEW.status, NEW.error);
END;


-- What a run did to each board. The last word of a running run counts; nothing is added to an ended one.

CREATE TABLE boards (
    run_id TEXT NOT NULL REFERENCES runs (id),
    board_id TEXT NOT NULL CHECK (board_id <> ''),
    board_name TEXT NOT NULL,
    table_name TEXT NOT NULL,
    row_count INTEGER NOT NULL CHECK (row_count >= 0),
    column_count INTEGER NOT NULL CHECK (column_count >= 0),
    generation INTEGER CHECK (generation >= 0),
    seconds REAL NOT NULL,
    calls INTEGER NOT NULL CHECK (calls >= 0),
    points INTEGER NOT NULL CHECK (points >= 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0),
    retries INTEGER NOT NULL CHECK (retries >= 0),
    quarantined INTEGER NOT NULL CHECK (quarantined >= 0),
    recorded_at TEXT NOT NULL,
    PRIMARY KEY (run_id, board_id)
);

CREATE TRIGGER boards_added_while_running BEFORE INSERT ON boards
WHEN (SELECT status FROM runs WHERE id = NEW.run_id) IS NOT 'running'
BEGIN SELECT RAISE(ABORT, 'boards are recorded while their run is running'); END;
CREATE TRIGGER boards_changed_while_running BEFORE UPDATE ON boards
WHEN (SELECT status FROM runs WHERE id = OLD.run_id) IS NOT 'running'
    OR NEW.run_id <> OLD.run_id OR NEW.board_id <> OLD.board_id
BEGIN SELECT RAISE(ABORT, 'boards are recorded while their run is running'); END;
CREATE TRIGGER boards_never_deleted BEFORE DELETE ON boards
BEGIN SELECT RAISE(ABORT, 'what a run did to a board is kept'); END;
CREATE TRIGGER boards_added AFTER INSERT ON boards
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.recorded_at, 'run', NEW.run_id, 'board recorded', NEW.board_id || ': ' || NEW.row_count || ' rows');
END;
CREATE TRIGGER boards_changed AFTER UPDATE ON boards
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.recorded_at, 'run', NEW.run_id, 'board recorded again',
            NEW.board_id || ': ' || NEW.row_count || ' rows');
END;

CREATE TABLE checks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL REFERENCES runs (id),
    board_id TEXT NOT NULL,
    check_name TEXT NOT NULL,
    table_name TEXT NOT NULL,
    passed INTEGER NOT NULL CHECK (passed IN (0, 1)),
    measured TEXT NOT NULL,
    expected TEXT NOT NULL,
    overridden TEXT NOT NULL,
    recorded_at TEXT NOT NULL
);
CREATE INDEX checks_by_run ON checks (run_id, id);

CREATE TRIGGER checks_added_while_running BEFORE INSERT ON checks
WHEN (SELECT status FROM runs WHERE id = NEW.run_id) IS NOT 'running'
    OR EXISTS (SELECT 1 FROM checks WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'checks are recorded while their run is running'); END;
CREATE TRIGGER checks_never_changed BEFORE UPDATE ON checks
BEGIN SELECT RAISE(ABORT, 'check results are kept as they were'); END;
CREATE TRIGGER checks_never_deleted BEFORE DELETE ON checks
BEGIN SELECT RAISE(ABORT, 'check results are kept as they were'); END;
CREATE TRIGGER checks_overridden AFTER INSERT ON checks
WHEN NEW.overridden <> ''
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.recorded_at, 'run', NEW.run_id, 'check overridden',
            NEW.check_name || ' on ' || NEW.table_name || ': ' || NEW.overridden);
END;


-- Promotions: intended -> promoted | abandoned, once.

CREATE TABLE promotions (
    run_id TEXT NOT NULL PRIMARY KEY REFERENCES runs (id),
    kind TEXT NOT NULL CHECK (kind IN ('promote', 'rollback')),
    intended_at TEXT NOT NULL,
    outcome TEXT CHECK (outcome IN ('promoted', 'abandoned')),
    settled_by TEXT CHECK (settled_by IN ('run', 'marker')),
    settled_at TEXT,
    blocked_ms REAL,
    promoted_at TEXT,
    CHECK ((outcome IS NULL) = (settled_by IS NULL) AND (outcome IS NULL) = (settled_at IS NULL)),
    CHECK (outcome IS 'promoted' OR (promoted_at IS NULL AND blocked_ms IS NULL))
);
CREATE INDEX promotions_open ON promotions (run_id) WHERE outcome IS NULL;

CREATE TABLE promotion_groups (
    run_id TEXT NOT NULL REFERENCES promotions (run_id),
    group_key TEXT NOT NULL,
    generation INTEGER NOT NULL,
    PRIMARY KEY (run_id, group_key)
);

CREATE TRIGGER promotions_begin_open BEFORE INSERT ON promotions
WHEN NEW.outcome IS NOT NULL OR (SELECT status FROM runs WHERE id = NEW.run_id) IS NOT 'running'
BEGIN SELECT RAISE(ABORT, 'a promotion is intended by a running run, before its outcome is known'); END;
CREATE TRIGGER promotions_never_replaced BEFORE INSERT ON promotions
WHEN EXISTS (SELECT 1 FROM promotions WHERE run_id = NEW.run_id)
BEGIN SELECT RAISE(ABORT, 'a run intends one promotion'); END;
CREATE TRIGGER promotions_settled_once BEFORE UPDATE ON promotions
WHEN OLD.outcome IS NOT NULL
BEGIN SELECT RAISE(ABORT, 'the outcome of a promotion is written once'); END;
CREATE TRIGGER promotions_keep_intent BEFORE UPDATE OF run_id, kind, intended_at ON promotions
BEGIN SELECT RAISE(ABORT, 'an intent cannot be changed'); END;
CREATE TRIGGER promotions_never_deleted BEFORE DELETE ON promotions
BEGIN SELECT RAISE(ABORT, 'promotions are kept'); END;
CREATE TRIGGER promotion_groups_added_while_open BEFORE INSERT ON promotion_groups
WHEN NOT EXISTS (SELECT 1 FROM promotions WHERE run_id = NEW.run_id AND outcome IS NULL)
    OR EXISTS (SELECT 1 FROM promotion_groups WHERE run_id = NEW.run_id AND group_key = NEW.group_key)
BEGIN SELECT RAISE(ABORT, 'an intent cannot be changed'); END;
CREATE TRIGGER promotion_groups_never_changed BEFORE UPDATE ON promotion_groups
BEGIN SELECT RAISE(ABORT, 'an intent cannot be changed'); END;
CREATE TRIGGER promotion_groups_never_deleted BEFORE DELETE ON promotion_groups
BEGIN SELECT RAISE(ABORT, 'an intent cannot be changed'); END;
CREATE TRIGGER runs_succeed_settled BEFORE UPDATE OF status ON runs
WHEN NEW.status = 'succeeded' AND EXISTS (SELECT 1 FROM promotions WHERE run_id = NEW.id AND outcome IS NULL)
BEGIN SELECT RAISE(ABORT, 'a run cannot succeed while the outcome of its promotion is open'); END;

CREATE TRIGGER promotions_intended AFTER INSERT ON promotions
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.intended_at, 'promotion', NEW.run_id, 'intended', NEW.kind);
END;
CREATE TRIGGER promotions_settled AFTER UPDATE OF outcome ON promotions
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.settled_at, 'promotion', NEW.run_id, NEW.outcome, 'known from the ' || NEW.settled_by);
END;


-- Names, bound to monday's ids for ever. A rebinding retires the old row and adds a new one with its reason.

CREATE TABLE names (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    scope TEXT NOT NULL CHECK (scope IN ('column', 'table')),
    board_id TEXT NOT NULL CHECK (board_id <> ''),
    column_id TEXT NOT NULL,
    facet TEXT NOT NULL,
    name TEXT NOT NULL CHECK (name <> ''),
    bound_at TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    retired_at TEXT
);
CREATE UNIQUE INDEX names_one_per_key ON names (scope, board_id, column_id, facet) WHERE retired_at IS NULL;
CREATE UNIQUE INDEX names_distinct_in_board ON names (board_id, name COLLATE NOCASE)
    WHERE scope = 'column' AND retired_at IS NULL;
CREATE UNIQUE INDEX names_distinct_tables ON names (name COLLATE NOCASE)
    WHERE scope = 'table' AND retired_at IS NULL;

CREATE TRIGGER names_rebound_with_reason BEFORE INSERT ON names
WHEN NEW.reason = '' AND EXISTS (
    SELECT 1 FROM names WHERE scope = NEW.scope AND board_id = NEW.board_id
        AND column_id = NEW.column_id AND facet = NEW.facet)
BEGIN SELECT RAISE(ABORT, 'a name is bound for ever; another one needs a reason'); END;
CREATE TRIGGER names_never_replaced BEFORE INSERT ON names
WHEN NEW.retired_at IS NOT NULL OR EXISTS (SELECT 1 FROM names WHERE id = NEW.id) OR EXISTS (
    SELECT 1 FROM names WHERE retired_at IS NULL AND scope = NEW.scope AND (
        (board_id = NEW.board_id AND column_id = NEW.column_id AND facet = NEW.facet)
        OR (name = NEW.name COLLATE NOCASE AND (scope = 'table' OR board_id = NEW.board_id))))
BEGIN SELECT RAISE(ABORT, 'the name or its key is bound already'); END;
CREATE TRIGGER names_only_retire BEFORE UPDATE ON names
WHEN OLD.retired_at IS NOT NULL OR NEW.retired_at IS NULL
    OR NEW.id <> OLD.id OR NEW.scope <> OLD.scope OR NEW.board_id <> OLD.board_id OR NEW.column_id <> OLD.column_id
    OR NEW.facet <> OLD.facet OR NEW.name <> OLD.name OR NEW.bound_at <> OLD.bound_at OR NEW.reason <> OLD.reason
BEGIN SELECT RAISE(ABORT, 'a name is bound for ever; it can be retired, not changed'); END;
CREATE TRIGGER names_never_deleted BEFORE DELETE ON names
BEGIN SELECT RAISE(ABORT, 'names are kept'); END;

CREATE TRIGGER names_bound AFTER INSERT ON names
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.bound_at, 'name', NEW.board_id, CASE NEW.reason WHEN '' THEN 'bound' ELSE 'rebound' END,
            NEW.scope || ' ' || NEW.column_id || '/' || NEW.facet || ' is ' || NEW.name
            || CASE NEW.reason WHEN '' THEN '' ELSE ': ' || NEW.reason END);
END;

-- Titles as they were seen; the newest row of a column is its label. column_id is empty for the board's own title.

CREATE TABLE label_history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    board_id TEXT NOT NULL,
    column_id TEXT NOT NULL,
    title TEXT NOT NULL,
    seen_at TEXT NOT NULL
);
CREATE INDEX label_history_by_column ON label_history (board_id, column_id, id);

CREATE TRIGGER label_history_never_replaced BEFORE INSERT ON label_history
WHEN EXISTS (SELECT 1 FROM label_history WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'seen titles are kept'); END;
CREATE TRIGGER label_history_never_changed BEFORE UPDATE ON label_history
BEGIN SELECT RAISE(ABORT, 'seen titles are kept'); END;
CREATE TRIGGER label_history_never_deleted BEFORE DELETE ON label_history
BEGIN SELECT RAISE(ABORT, 'seen titles are kept'); END;
CREATE TRIGGER label_history_renamed BEFORE INSERT ON label_history
WHEN EXISTS (SELECT 1 FROM label_history WHERE board_id = NEW.board_id AND column_id = NEW.column_id)
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.seen_at, 'label', NEW.board_id, 'title changed', NEW.column_id || ': '
            || (SELECT title FROM label_history WHERE board_id = NEW.board_id AND column_id = NEW.column_id
                ORDER BY id DESC LIMIT 1) || ' became ' || NEW.title);
END;


-- The tables of each generation. Recorded again when a number is staged again after a blocked run.

CREATE TABLE shapes (
    destination TEXT NOT NULL,
    namespace TEXT NOT NULL,
    group_key TEXT NOT NULL,
    generation INTEGER NOT NULL,
    tables TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    PRIMARY KEY (destination, namespace, group_key, generation)
);

CREATE TRIGGER shapes_recorded AFTER INSERT ON shapes
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.recorded_at, 'shape', NEW.group_key, 'recorded', 'generation ' || NEW.generation);
END;
CREATE TRIGGER shapes_recorded_again AFTER UPDATE ON shapes
WHEN NEW.tables <> OLD.tables
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.recorded_at, 'shape', NEW.group_key, 'recorded again', 'generation ' || NEW.generation);
END;


-- Who holds, or last held, the right to write. The lock file beside the ledger decides; this row tells who it was.

CREATE TABLE leases (
    destination TEXT NOT NULL,
    namespace TEXT NOT NULL,
    holder TEXT NOT NULL,
    since TEXT NOT NULL,
    released_at TEXT,
    PRIMARY KEY (destination, namespace)
);

CREATE TRIGGER leases_first_taken AFTER INSERT ON leases
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.since, 'lease', NEW.destination || ' ' || NEW.namespace, 'taken', NEW.holder);
END;
CREATE TRIGGER leases_taken AFTER UPDATE OF since ON leases
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.since, 'lease', NEW.destination || ' ' || NEW.namespace,
            CASE WHEN OLD.released_at IS NULL THEN 'taken over from a dead holder' ELSE 'taken' END, NEW.holder);
END;
CREATE TRIGGER leases_released AFTER UPDATE OF released_at ON leases
WHEN OLD.released_at IS NULL AND NEW.released_at IS NOT NULL
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.released_at, 'lease', NEW.destination || ' ' || NEW.namespace, 'released', NEW.holder);
END;
