-- Layout 7: how each board was read, and from which moment the next run can go on.

PRAGMA user_version = 7;

ALTER TABLE boards ADD COLUMN mode TEXT NOT NULL DEFAULT 'full' CHECK (mode IN ('full', 'incremental', 'unchanged'));
ALTER TABLE boards ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE boards ADD COLUMN added INTEGER CHECK (added >= 0);
ALTER TABLE boards ADD COLUMN changed INTEGER CHECK (changed >= 0);
ALTER TABLE boards ADD COLUMN deleted INTEGER CHECK (deleted >= 0);


-- What is known of a board's live generation: monday's time when its reading began, and what was so then.

CREATE TABLE watermarks (
    destination TEXT NOT NULL,
    namespace TEXT NOT NULL,
    board_id TEXT NOT NULL,
    run_id TEXT NOT NULL REFERENCES runs (id),
    generation INTEGER NOT NULL CHECK (generation >= 0),
    at TEXT NOT NULL,
    newest TEXT,
    items INTEGER CHECK (items >= 0),
    events INTEGER CHECK (events >= 0),
    basis TEXT NOT NULL,
    full_read_at TEXT NOT NULL,
    swept_at TEXT NOT NULL,
    PRIMARY KEY (destination, namespace, board_id)
);

CREATE TRIGGER watermarks_set AFTER INSERT ON watermarks
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.at, 'run', NEW.run_id, 'watermark set', NEW.board_id || ': generation ' || NEW.generation);
END;
CREATE TRIGGER watermarks_moved AFTER UPDATE ON watermarks
BEGIN
    INSERT INTO events (at, subject, subject_id, event, detail)
    VALUES (NEW.at, 'run', NEW.run_id, 'watermark moved', NEW.board_id || ': generation ' || NEW.generation);
END;
