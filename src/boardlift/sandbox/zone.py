"""The token owner's time zone: Europe/Berlin with its summer time, or a fixed number of hours from UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from .kinds.base import last_sunday, to_owner_zone

BERLIN = "Europe/Berlin"
HOUR = 3_600


def owner_time(at: float, offset_hours: float | None) -> datetime:
    """The clock on the owner's wall at a time in seconds, without a zone; None is Berlin."""
    return to_owner_zone(datetime.fromtimestamp(at, UTC), offset_hours).replace(tzinfo=None)


def day_start(day: date, offset_hours: float | None) -> int:
    """The second at which a day begins for the owner."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if offset_hours is None:
        # Clocks change at 01:00 UTC, which is never the owner's midnight.
        summer = last_sunday(day.year, 3) < midnight <= last_sunday(day.year, 10)
        offset_hours = 2.0 if summer else 1.0
    return int((midnight - timedelta(hours=offset_hours)).timestamp())


def zone_name(offset_hours: float | None) -> str | None:
    """What `time_zone_identifier` says; None where no zone of the database has that offset."""
    if offset_hours is None:
        return BERLIN
    if offset_hours != int(offset_hours):
        return None
    # Names under Etc count hours west of Greenwich.
    return "Etc/GMT" if offset_hours == 0 else f"Etc/GMT{-int(offset_hours):+d}"
