"""The accounts that are read: what is known of them, who reads them now, and how many calls were sent today."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from boardlift.clock import Clock
from boardlift.ledger.running import Running
from boardlift.ledger.store import Part, Store


@dataclass(frozen=True)
class AccountRecord:
    """What is known of the account behind a token.

    `calls_per_day` is what monday told, None if it did not. `at_once` and `seconds_per_call` were measured by the
    latest run; 0 before the first.
    """

    account_id: str
    tier: str
    calls_per_day: int | None
    at_once: int
    seconds_per_call: float
    seen_at: datetime


@dataclass(frozen=True)
class BoardCost:
    """What a board has cost when it was last read in full."""

    board_id: str
    rows: int
    calls: int
    points: int


@dataclass(frozen=True)
class _Reader:
    id: str


@dataclass(frozen=True)
class _Calls:
    calls: int


class Accounts(Part):
    """The chapter of accounts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__(store, clock)
        self._readers = Running(store.path.with_name(f"{store.path.name}.readers"))

    def account(self, token_digest: str) -> AccountRecord | None:
        """The account behind a token; None for one never seen."""
        found = self._store.rows("get_account", AccountRecord, token_digest=token_digest)
        return found[0] if found else None

    def record_account(self, token_digest: str, account_id: str, tier: str, calls_per_day: int | None) -> None:
        """Write what monday has just told of the account."""
        with self._store.transaction():
            self._store.change(
                "see_account",
                token_digest=token_digest,
                account_id=account_id,
                tier=tier,
                calls_per_day=calls_per_day or None,
                at=self._clock.now(),
            )

    def record_measures(self, token_digest: str, at_once: int, seconds_per_call: float) -> None:
        """Write what a run has measured, for the next one to begin with."""
        with self._store.transaction():
            self._store.change(
                "measure_account", token_digest=token_digest, at_once=at_once, seconds_per_call=seconds_per_call
            )

    def board_costs(self) -> dict[str, BoardCost]:
        """What each board has cost when it was last read in full, by its id."""
        return {cost.board_id: cost for cost in self._store.rows("board_costs", BoardCost)}

    def calls_today(self, account_id: str) -> int:
        """The calls all processes have noted for this account since 00:00 UTC."""
        day = f"{self._clock.now().astimezone(UTC):%Y-%m-%d}"
        found = self._store.rows("get_calls", _Calls, account_id=account_id, day=day)
        return found[0].calls if found else 0

    def add_calls(self, account_id: str, calls: int) -> None:
        """Note calls just sent."""
        if calls <= 0:
            return
        day = f"{self._clock.now().astimezone(UTC):%Y-%m-%d}"
        with self._store.transaction():
            self._store.change("add_calls", account_id=account_id, day=day, calls=calls)

    def begin_reading(self, account_id: str, holder: str) -> str:
        """Note that this process reads the account, until `end_reading` or its death. Comes back: the reader's id."""
        reader_id = f"{self._clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
        self._readers.begin(reader_id)
        try:
            with self._store.transaction():
                self._store.change(
                    "add_reader", reader_id=reader_id, account_id=account_id, holder=holder, at=self._clock.now()
                )
        except BaseException:
            self._readers.end(reader_id)
            raise
        return reader_id

    def end_reading(self, reader_id: str) -> None:
        """This process no longer reads the account."""
        self._readers.end(reader_id)
        with self._store.transaction():
            self._store.change("drop_reader", reader_id=reader_id)

    def readers(self, account_id: str) -> int:
        """How many living processes read the account. Those that died are forgotten."""
        alive = 0
        for reader in self._store.rows("list_readers", _Reader, account_id=account_id):
            if self._readers.alive(reader.id):
                alive += 1
                continue
            with self._store.transaction():
                self._store.change("drop_reader", reader_id=reader.id)
        return alive


def digest_of(url: str, token: str) -> str:
    """What stands for a token in the ledger; the token cannot be found from it."""
    return hashlib.sha256(f"{url}\n{token}".encode()).hexdigest()[:16]
