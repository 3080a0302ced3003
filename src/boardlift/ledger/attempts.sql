-- Layout 2: how often a swap had to ask for its locks.

PRAGMA user_version = 2;

ALTER TABLE promotions ADD COLUMN attempts INTEGER CHECK (attempts >= 0);
