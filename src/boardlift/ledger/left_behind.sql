-- Layout 8: which generations of a promotion did not go live, when it was stopped between two of its commits.

PRAGMA user_version = 8;

CREATE TABLE promotion_left (
    run_id TEXT NOT NULL,
    group_key TEXT NOT NULL,
    PRIMARY KEY (run_id, group_key),
    FOREIGN KEY (run_id, group_key) REFERENCES promotion_groups (run_id, group_key)
);

CREATE TRIGGER promotion_left_told_before_the_outcome BEFORE INSERT ON promotion_left
WHEN NOT EXISTS (SELECT 1 FROM promotions WHERE run_id = NEW.run_id AND outcome IS NULL)
    OR EXISTS (SELECT 1 FROM promotion_left WHERE run_id = NEW.run_id AND group_key = NEW.group_key)
BEGIN SELECT RAISE(ABORT, 'the outcome of a promotion is written once'); END;
CREATE TRIGGER promotion_left_never_changed BEFORE UPDATE ON promotion_left
BEGIN SELECT RAISE(ABORT, 'the outcome of a promotion is written once'); END;
CREATE TRIGGER promotion_left_never_deleted BEFORE DELETE ON promotion_left
BEGIN SELECT RAISE(ABORT, 'promotions are kept'); END;
