-- Layout 6: a name is bound without reading all others. The rules are those of layout 1, asked so that an index answers.

PRAGMA user_version = 6;

CREATE INDEX names_by_key ON names (scope, board_id, column_id, facet);

DROP TRIGGER names_never_replaced;
CREATE TRIGGER names_never_replaced BEFORE INSERT ON names
WHEN NEW.retired_at IS NOT NULL
    OR EXISTS (SELECT 1 FROM names WHERE id = NEW.id)
    OR EXISTS (
        SELECT 1 FROM names WHERE retired_at IS NULL AND scope = NEW.scope
            AND board_id = NEW.board_id AND column_id = NEW.column_id AND facet = NEW.facet)
    OR (NEW.scope = 'table' AND EXISTS (
        SELECT 1 FROM names WHERE scope = 'table' AND retired_at IS NULL AND name = NEW.name COLLATE NOCASE))
    OR (NEW.scope = 'column' AND EXISTS (
        SELECT 1 FROM names WHERE scope = 'column' AND retired_at IS NULL
            AND board_id = NEW.board_id AND name = NEW.name COLLATE NOCASE))
BEGIN SELECT RAISE(ABORT, 'the name or its key is bound already'); END;
