"""What SQLite says, as a sentence about the ledger and a hint."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from boardlift.errors import BoardliftError, ConfigError

_ELSEWHERE = "point `state` in boardlift.yaml at a folder you may write to"
_MOVE = "move the file away, or point `state` in boardlift.yaml at another folder"
_RESTORE = "move the file away and restore a copy, or let boardlift begin a new ledger; live tables are not touched"


def not_a_ledger(path: Path) -> ConfigError:
    """The file holds something else, which stays as it is."""
    return ConfigError(f"{path} is not a boardlift ledger.", hint=_MOVE)


def newer_ledger(path: Path, found: int, known: int) -> ConfigError:
    """A later boardlift has changed the layout."""
    return ConfigError(
        f"The ledger {path} was written by a newer boardlift (layout {found}, this one knows up to {known}).",
        hint="upgrade boardlift: pip install --upgrade boardlift",
    )


def unusable_place(path: Path, error: OSError) -> ConfigError:
    """The folder or a file in it cannot be made or opened."""
    return ConfigError(f"The ledger {path} cannot be used: {error.strerror or error}.", hint=_ELSEWHERE)


_SENTENCES: dict[int, tuple[type[BoardliftError], str, str]] = {
    sqlite3.SQLITE_NOTADB: (ConfigError, "{path} is not a boardlift ledger.", _MOVE),
    sqlite3.SQLITE_CORRUPT: (BoardliftError, "The ledger {path} is damaged: {error}.", _RESTORE),
    sqlite3.SQLITE_READONLY: (ConfigError, "The ledger {path} is read-only.", _ELSEWHERE),
    sqlite3.SQLITE_PERM: (ConfigError, "The ledger {path} is read-only.", _ELSEWHERE),
    sqlite3.SQLITE_CANTOPEN: (ConfigError, "The ledger {path} cannot be opened.", _ELSEWHERE),
    sqlite3.SQLITE_FULL: (
        BoardliftError,
        "The ledger {path} could not be written: the disk is full.",
        "free some space and run again",
    ),
    sqlite3.SQLITE_BUSY: (
        BoardliftError,
        "The ledger {path} is kept locked by another program.",
        "close whatever has the file open (a database browser, a backup) and run again",
    ),
    sqlite3.SQLITE_IOERR: (
        BoardliftError,
        "The ledger {path} could not be read or written: {error}.",
        "check the disk: it needs free space, and to be a local one, not a network share",
    ),
    sqlite3.SQLITE_CONSTRAINT: (
        BoardliftError,
        "The ledger refused a change: {error}.",
        "boardlift runs shows what was recorded",
    ),
}
_OTHERWISE = (BoardliftError, "The ledger {path} could not be used: {error}.", "boardlift doctor")


def explain(error: sqlite3.Error, path: Path) -> BoardliftError:
    """Turn SQLite's error into ours; the caller raises it `from error`, so its own words stay as the cause."""
    code: int = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    kind, sentence, hint = _SENTENCES.get(code & 0xFF, _OTHERWISE)
    return kind(sentence.format(path=path, error=str(error).rstrip(".")), hint=hint)
