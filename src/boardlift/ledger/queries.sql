-- touch: Write nothing, which is refused where writing is
UPDATE leases SET holder = holder WHERE 0;

-- start_run: Add a run that has just begun
INSERT INTO runs (id, kind, destination, namespace, holder, started_at)
VALUES (:run_id, :kind, :destination, :namespace, :holder, :at);

-- finish_run: running -> succeeded, failed, blocked or crashed
UPDATE runs SET status = :status, error = :error, ended_at = :at WHERE id = :run_id;

-- get_run: One run by its id
SELECT id, kind, destination, namespace, holder, status, started_at, ended_at, error FROM runs WHERE id = :run_id;

-- list_runs: The newest runs, newest first
SELECT id, kind, destination, namespace, holder, status, started_at, ended_at, error
FROM runs ORDER BY seq DESC LIMIT :limit;

-- list_running: Runs that have not ended, oldest first
SELECT id, kind, destination, namespace, holder, status, started_at, ended_at, error
FROM runs WHERE status = 'running' ORDER BY seq;

-- record_board: What a run did to a board; a second record of the same board replaces the first
INSERT INTO boards (run_id, board_id, board_name, table_name, row_count, column_count, generation, seconds, calls,
                    points, bytes, retries, quarantined, mode, reason, added, changed, deleted, recorded_at)
VALUES (:run_id, :board_id, :board_name, :table, :rows, :columns, :generation, :seconds, :calls,
        :points, :bytes, :retries, :quarantined, :mode, :reason, :added, :changed, :deleted, :at)
ON CONFLICT (run_id, board_id) DO UPDATE SET
    board_name = excluded.board_name, table_name = excluded.table_name, row_count = excluded.row_count,
    column_count = excluded.column_count, generation = excluded.generation, seconds = excluded.seconds,
    calls = excluded.calls, points = excluded.points, bytes = excluded.bytes, retries = excluded.retries,
    quarantined = excluded.quarantined, mode = excluded.mode, reason = excluded.reason, added = excluded.added,
    changed = excluded.changed, deleted = excluded.deleted, recorded_at = excluded.recorded_at;

-- list_boards: The boards of a run, in the order they were recorded
SELECT board_id, board_name, table_name AS "table", row_count AS "rows", column_count AS "columns", generation,
       seconds, calls, points, bytes, retries, quarantined, mode, reason, added, changed, deleted
FROM boards WHERE run_id = :run_id ORDER BY rowid;

-- record_check: One result of one check
INSERT INTO checks (run_id, board_id, check_name, table_name, passed, measured, expected, overridden, recorded_at)
VALUES (:run_id, :board_id, :check, :table, :passed, :measured, :expected, :overridden, :at);

-- list_checks: The check results of a run, in the order they were recorded
SELECT board_id, check_name AS "check", table_name AS "table", passed, measured, expected, overridden
FROM checks WHERE run_id = :run_id ORDER BY id;

-- intend: A swap is about to happen
INSERT INTO promotions (run_id, kind, intended_at) VALUES (:run_id, :kind, :at);

-- intend_group: One of the generations the swap will make live
INSERT INTO promotion_groups (run_id, group_key, generation) VALUES (:run_id, :group, :generation);

-- leave_group: One of the generations that did not go live
INSERT INTO promotion_left (run_id, group_key) VALUES (:run_id, :group);

-- settle: intended -> promoted or abandoned
UPDATE promotions
SET outcome = :outcome, settled_by = :by, settled_at = :at, attempts = :attempts, blocked_ms = :blocked_ms,
    promoted_at = :promoted_at
WHERE run_id = :run_id;

-- get_promotion: The promotion of a run
SELECT run_id, kind, intended_at, outcome, settled_by, settled_at, attempts, blocked_ms, promoted_at
FROM promotions WHERE run_id = :run_id;

-- list_open_promotions: Intents of a destination whose outcome is not known, oldest first
SELECT promotions.run_id, promotions.kind, intended_at, outcome, settled_by, settled_at, attempts, blocked_ms, promoted_at
FROM promotions JOIN runs ON runs.id = promotions.run_id
WHERE outcome IS NULL AND runs.destination = :destination AND runs.namespace = :namespace
ORDER BY runs.seq;

-- list_promotion_groups: The generations a promotion makes live
SELECT promotion_groups.group_key AS "group", generation, promotion_left.group_key IS NOT NULL AS "left"
FROM promotion_groups LEFT JOIN promotion_left USING (run_id, group_key)
WHERE promotion_groups.run_id = :run_id ORDER BY promotion_groups.rowid;

-- list_column_names: The column names of a board that are in force
SELECT scope, board_id, column_id, facet, name
FROM names WHERE scope = 'column' AND board_id = :board_id AND retired_at IS NULL ORDER BY id;

-- list_table_names: The table names of all boards that are in force
SELECT scope, board_id, column_id, facet, name
FROM names WHERE scope = 'table' AND retired_at IS NULL ORDER BY id;

-- bind_name: A name for a key; the reason is empty the first time
INSERT INTO names (scope, board_id, column_id, facet, name, bound_at, reason)
VALUES (:scope, :board_id, :column_id, :facet, :name, :at, :reason);

-- retire_name: The name of a key makes room for another
UPDATE names SET retired_at = :at
WHERE scope = :scope AND board_id = :board_id AND column_id = :column_id AND facet = :facet AND retired_at IS NULL;

-- see_label: A title, if it is not the one last seen
INSERT INTO label_history (board_id, column_id, title, seen_at)
SELECT :board_id, :column_id, :title, :at
WHERE :title IS NOT (
    SELECT title FROM label_history WHERE board_id = :board_id AND column_id = :column_id ORDER BY id DESC LIMIT 1);

-- list_labels: Every title seen on a board, oldest first
SELECT board_id, column_id, title, seen_at FROM label_history WHERE board_id = :board_id ORDER BY id;

-- record_shapes: The tables of a generation
INSERT INTO shapes (destination, namespace, group_key, generation, tables, recorded_at)
VALUES (:destination, :namespace, :group, :generation, :tables, :at)
ON CONFLICT (destination, namespace, group_key, generation)
DO UPDATE SET tables = excluded.tables, recorded_at = excluded.recorded_at;

-- get_shapes: The tables of a generation
SELECT tables FROM shapes
WHERE destination = :destination AND namespace = :namespace AND group_key = :group AND generation = :generation;

-- recall: A hint
SELECT value FROM memory WHERE subject = :subject AND name = :name;

-- keep: A hint in place of an older one
INSERT INTO memory (subject, name, value, at) VALUES (:subject, :name, :value, :at)
ON CONFLICT (subject, name) DO UPDATE SET value = excluded.value, at = excluded.at;

-- list_watermarks: The watermarks of a namespace
SELECT board_id, run_id, generation, at, newest, items, events, basis, full_read_at, swept_at
FROM watermarks WHERE destination = :destination AND namespace = :namespace ORDER BY board_id;

-- set_watermark: The watermark of a board moves
INSERT INTO watermarks (destination, namespace, board_id, run_id, generation, at, newest, items, events, basis,
                        full_read_at, swept_at)
VALUES (:destination, :namespace, :board_id, :run_id, :generation, :at, :newest, :items, :events, :basis,
        :full_read_at, :swept_at)
ON CONFLICT (destination, namespace, board_id) DO UPDATE SET
    run_id = excluded.run_id, generation = excluded.generation, at = excluded.at, newest = excluded.newest,
    items = excluded.items, events = excluded.events, basis = excluded.basis, full_read_at = excluded.full_read_at,
    swept_at = excluded.swept_at;

-- take_lease: Say who holds the lock
INSERT INTO leases (destination, namespace, holder, since) VALUES (:destination, :namespace, :holder, :at)
ON CONFLICT (destination, namespace)
DO UPDATE SET holder = excluded.holder, since = excluded.since, released_at = NULL;

-- release_lease: Say that nobody holds the lock
UPDATE leases SET released_at = :at WHERE destination = :destination AND namespace = :namespace;

-- get_lease: Who holds the lock
SELECT holder, since FROM leases
WHERE destination = :destination AND namespace = :namespace AND released_at IS NULL;

-- list_events: The newest events, newest first; of everything when the subject id is empty
SELECT id, at, subject, subject_id, event, detail FROM events
WHERE :subject_id = '' OR subject_id = :subject_id ORDER BY id DESC LIMIT :limit;

-- see_account: What is known of the account behind a token, written again whenever it was asked
INSERT INTO accounts (token_digest, account_id, tier, calls_per_day, seen_at)
VALUES (:token_digest, :account_id, :tier, :calls_per_day, :at)
ON CONFLICT (token_digest) DO UPDATE SET
    account_id = excluded.account_id, tier = excluded.tier, calls_per_day = excluded.calls_per_day,
    seen_at = excluded.seen_at;

-- measure_account: What a run has measured of an account
UPDATE accounts SET at_once = :at_once, seconds_per_call = :seconds_per_call WHERE token_digest = :token_digest;

-- get_account: The account behind a token
SELECT account_id, tier, calls_per_day, at_once, seconds_per_call, seen_at
FROM accounts WHERE token_digest = :token_digest;

-- add_calls: Calls sent to an account on one UTC day
INSERT INTO account_calls (account_id, day, calls) VALUES (:account_id, :day, :calls)
ON CONFLICT (account_id, day) DO UPDATE SET calls = calls + excluded.calls;

-- get_calls: The calls sent to an account on one UTC day
SELECT calls FROM account_calls WHERE account_id = :account_id AND day = :day;

-- add_reader: A process begins to read an account
INSERT INTO account_readers (id, account_id, holder, since) VALUES (:reader_id, :account_id, :holder, :at);

-- drop_reader: A process no longer reads an account, or is dead
DELETE FROM account_readers WHERE id = :reader_id;

-- list_readers: The processes that read an account, as far as they have said so
SELECT id FROM account_readers WHERE account_id = :account_id ORDER BY since, id;

-- board_costs: What each board cost when it was last read in full; max() picks the row the other columns come from
SELECT board_id, row_count AS "rows", calls, points, max(rowid) AS latest
FROM boards WHERE row_count > 0 AND points > 0 AND mode = 'full' GROUP BY board_id;

-- knows_board: Whether a table was ever bound to the board
SELECT board_id FROM names
WHERE scope = 'table' AND board_id = :board_id AND column_id = '' AND retired_at IS NULL LIMIT 1;

-- add_delivery: A webhook has come, unless it came before
INSERT INTO deliveries (destination, namespace, trigger_uuid, item_board_id, item_id, received_at)
VALUES (:destination, :namespace, :trigger_uuid, :item_board_id, :item_id, :at)
ON CONFLICT DO NOTHING;

-- forget_deliveries: Webhooks that came long ago
DELETE FROM deliveries WHERE received_at < :before;

-- mark_board: A board changed after every run that has begun so far
INSERT INTO dirty_boards (destination, namespace, board_id, after_run, since)
VALUES (:destination, :namespace, :board_id, (SELECT coalesce(max(seq), 0) FROM runs), :at)
ON CONFLICT DO NOTHING;

-- mark_item: An item changed after every run that has begun so far
INSERT INTO dirty_items (destination, namespace, board_id, item_board_id, item_id, after_run, event, seen_at)
VALUES (:destination, :namespace, :board_id, :item_board_id, :item_id, (SELECT coalesce(max(seq), 0) FROM runs),
        :event, :at)
ON CONFLICT DO UPDATE SET after_run = excluded.after_run, event = excluded.event, seen_at = excluded.seen_at;

-- list_dirty_boards: Boards that changed and were not brought over since, the oldest change first
SELECT board_id, min(since) AS since FROM dirty_boards
WHERE destination = :destination AND namespace = :namespace
GROUP BY board_id ORDER BY min(since), board_id;

-- list_dirty_items: Items of a board and of its subitems that changed and were not brought over since
SELECT item_board_id, item_id, event, seen_at FROM dirty_items
WHERE destination = :destination AND namespace = :namespace AND board_id = :board_id ORDER BY seen_at, item_id;

-- clean_boards: What was told of a board before a run that succeeded began
DELETE FROM dirty_boards
WHERE destination = :destination AND namespace = :namespace AND board_id = :board_id
    AND after_run < (SELECT seq FROM runs WHERE id = :run_id AND status = 'succeeded');

-- clean_items: Likewise the items
DELETE FROM dirty_items
WHERE destination = :destination AND namespace = :namespace AND board_id = :board_id
    AND after_run < (SELECT seq FROM runs WHERE id = :run_id AND status = 'succeeded');

-- drop_board: A board that cannot be synced by itself waits no longer
DELETE FROM dirty_boards WHERE destination = :destination AND namespace = :namespace AND board_id = :board_id;

-- drop_items: Likewise its items
DELETE FROM dirty_items WHERE destination = :destination AND namespace = :namespace AND board_id = :board_id;

-- settle_boards: What any other sync has brought over since
DELETE FROM dirty_boards
WHERE destination = :destination AND namespace = :namespace AND EXISTS (
    SELECT 1 FROM runs JOIN boards ON boards.run_id = runs.id
    WHERE runs.seq > dirty_boards.after_run AND runs.kind = 'sync' AND runs.status = 'succeeded'
        AND runs.destination = dirty_boards.destination AND runs.namespace = dirty_boards.namespace
        AND boards.board_id = dirty_boards.board_id);

-- settle_items: Likewise the items
DELETE FROM dirty_items
WHERE destination = :destination AND namespace = :namespace AND EXISTS (
    SELECT 1 FROM runs JOIN boards ON boards.run_id = runs.id
    WHERE runs.seq > dirty_items.after_run AND runs.kind = 'sync' AND runs.status = 'succeeded'
        AND runs.destination = dirty_items.destination AND runs.namespace = dirty_items.namespace
        AND boards.board_id = dirty_items.board_id);

-- record_full_pass: A run that was a listener's pass over all boards
INSERT INTO full_passes (destination, namespace, run_id) VALUES (:destination, :namespace, :run_id)
ON CONFLICT DO UPDATE SET run_id = excluded.run_id;

-- get_full_pass: When the newest one began
SELECT runs.started_at FROM full_passes JOIN runs ON runs.id = full_passes.run_id
WHERE full_passes.destination = :destination AND full_passes.namespace = :namespace;
