"""Durable memory: runs, promotions, names, shapes and leases in one SQLite file. Knows nothing of monday."""

from boardlift.ledger.accounts import AccountRecord, BoardCost, digest_of
from boardlift.ledger.dirty import DirtyBoard, DirtyItem, Touched
from boardlift.ledger.lease import Holder
from boardlift.ledger.ledger import Ledger
from boardlift.ledger.records import (
    BoardCheck,
    BoardRecord,
    Event,
    Label,
    Outcome,
    Promotion,
    PromotionKind,
    ReadAs,
    Run,
    RunKind,
    RunStatus,
    SettledBy,
)
from boardlift.ledger.watermarks import Watermark

__all__ = [
    "AccountRecord",
    "BoardCheck",
    "BoardCost",
    "BoardRecord",
    "DirtyBoard",
    "DirtyItem",
    "Event",
    "Holder",
    "Label",
    "Ledger",
    "Outcome",
    "Promotion",
    "PromotionKind",
    "ReadAs",
    "Run",
    "RunKind",
    "RunStatus",
    "SettledBy",
    "Touched",
    "Watermark",
    "digest_of",
]
