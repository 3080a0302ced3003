"""The error tree. Every error is one sentence of facts and a hint that names the command to run next.

    BoardliftError
    +-- ConfigError                 what the user wrote cannot be used
    |   +-- NotConfigured           boardlift.yaml chooses no board of that name
    +-- SourceError                 monday.com refused or did not answer
    |   +-- AuthRejected            the token is missing, wrong or blocked
    |   +-- PermissionMissing       the token may not see this
    |   +-- BudgetExhausted         (transient) a quota is spent; `retry_in` seconds were told
    |   +-- DailyLimitReached       nothing more until midnight UTC
    |   +-- CursorExpired           the reading of one board must start again
    |   +-- QueryRejected           the API does not accept our query
    |   +-- SourceUnavailable       (transient) network, 5xx, unreadable body
    |   +-- SourceIncomplete        monday answered, but not with everything it counted
    +-- DestinationError
    |   +-- CapabilityMissing       this engine cannot do that
    |   +-- PromotionConflict       the swap cannot take place as things are
    |   +-- DependentObject         something built on the live table would be lost
    +-- CheckFailed                 the gate refused the staged tables
    +-- LeaseHeld                   another run writes to the same place
    +-- Interrupted                 somebody pressed Ctrl-C

A `Transient` error answers the only question a runner asks: again, or a person?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

UNCHANGED = "Production was not changed."
SWAPPED = "The swap had taken place before: the new tables are live."
UNKNOWN_SWAP = "Whether the swap took place is not known yet; the next run asks the destination and settles it."


class BoardliftError(Exception):
    """What happened (`message`, one sentence) and what to do about it (`hint`, may be empty)."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def conclude(self, sentence: str) -> None:
        """Add a last sentence, unless the message ends with it or with another word on production already."""
        if "Production was " not in self.message:
            stop = "" if self.message.endswith((".", "!", "?", ":")) else "."
            self.message = f"{self.message}{stop} {sentence}"
            self.args = (self.message,)


class Interrupted(BoardliftError):
    """Somebody pressed Ctrl-C. The message says what is live."""


def is_interrupt(error: BaseException) -> bool:
    """Whether Ctrl-C is behind this: extensions wrap it, and DuckDB has a word of its own for it."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt) or str(cause).startswith("Query interrupted"):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


class Transient:
    """Mixed into errors after which the same call may succeed. `retry_in` is what the server told, in seconds."""

    retry_in: float | None = None


class ConfigError(BoardliftError):
    """boardlift.yaml, the environment or a flag holds something that cannot be used."""


class NotConfigured(ConfigError):
    """boardlift.yaml chooses no board that goes by this id or name."""


class SourceError(BoardliftError):
    """monday.com refused, failed, or could not be reached."""


class AuthRejected(SourceError):
    """The token is missing, wrong, or not allowed from here."""


class PermissionMissing(SourceError):
    """The token's user may not see this object, or it does not exist."""


class BudgetExhausted(SourceError, Transient):
    """A per-minute quota is spent. `retry_in` is the wait that was told, None when none was; `code` is monday's."""

    def __init__(self, message: str, hint: str = "", retry_in: float | None = None, code: str = "") -> None:
        super().__init__(message, hint)
        self.retry_in = retry_in
        self.code = code


class DailyLimitReached(SourceError):
    """The account's calls of today are spent; they come back at 00:00 UTC."""


class CursorExpired(SourceError):
    """The cursor of a page chain is no longer valid; the board has to be read from its first page."""


@dataclass(frozen=True)
class ApiError:
    """One member of a GraphQL answer's `errors`, whatever shape it came in."""

    message: str
    code: str = ""
    path: str = ""
    retry_in: float | None = None

    def __str__(self) -> str:
        where = f" at {self.path}" if self.path else ""
        code = f"{self.code}: " if self.code else ""
        return f"{code}{self.message}{where}"


class QueryRejected(SourceError):
    """The API does not accept the query itself. `all_errors` keeps every error of the answer."""

    def __init__(self, message: str, hint: str = "", all_errors: Sequence[ApiError] = ()) -> None:
        super().__init__(message, hint)
        self.all_errors = tuple(all_errors)


class SourceUnavailable(SourceError, Transient):
    """No usable answer: network, timeout, 5xx, a body that is not the API's."""

    def __init__(self, message: str, hint: str = "", retry_in: float | None = None) -> None:
        super().__init__(message, hint)
        self.retry_in = retry_in


class SourceIncomplete(SourceError):
    """monday answered without an error, but what came is less, or other, than what it counted."""


class DestinationError(BoardliftError):
    """The database refused, failed, or could not be reached."""


class CapabilityMissing(DestinationError):
    """The engine cannot do what was asked."""


class PromotionConflict(DestinationError):
    """The swap cannot take place: a lock was not granted in time, or a name is taken by somebody else's table."""


class DependentObject(PromotionConflict):
    """An object built on the live table (a view, a foreign key) would be lost or left behind by the swap."""


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check on one table of one board."""

    check: str
    table: str
    passed: bool
    measured: str
    expected: str
    overridden: str = ""

    @property
    def blocks(self) -> bool:
        return not self.passed and not self.overridden

    def __str__(self) -> str:
        return f"{self.check} on {self.table}: expected {self.expected}, measured {self.measured}"


class CheckFailed(BoardliftError):
    """The gate between staging and swap said no. `results` holds every check that ran, passed or not."""

    def __init__(self, message: str, hint: str = "", results: Sequence[CheckResult] = ()) -> None:
        super().__init__(message, hint)
        self.results = tuple(results)


class LeaseHeld(BoardliftError):
    """Another run holds the right to write to this destination."""

    def __init__(self, by: str, since: datetime | None, hint: str = "") -> None:
        started = f" since {since:%Y-%m-%d %H:%M:%S} UTC" if since else ""
        super().__init__(f"Another run is writing to this destination: {by}{started}. {UNCHANGED}", hint)
        self.by = by
        self.since = since
