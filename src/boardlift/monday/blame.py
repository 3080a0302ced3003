"""Whether a failure is one board's own, so that others may well be read, or everybody's."""

from __future__ import annotations

from boardlift.errors import AuthRejected, BudgetExhausted, DailyLimitReached, SourceError
from boardlift.monday.client import NotReached

_OF_ALL = (AuthRejected, BudgetExhausted, DailyLimitReached, NotReached)


def concerns_a_board(error: SourceError) -> bool:
    """Whether another board may well be read although this one was not."""
    if isinstance(error, _OF_ALL) or type(error) is SourceError:
        return False
    return getattr(error, "retry_in", None) is None
