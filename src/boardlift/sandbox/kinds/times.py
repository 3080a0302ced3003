"""Kinds of time: date, timeline, week, hour, world_clock, time_tracking."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from random import Random

from .base import (
    Cell,
    Directory,
    Kind,
    Plain,
    Record,
    Settings,
    dumps,
    integer,
    iso_ms,
    iso_offset,
    iso_z,
    mapping,
    to_owner_zone,
)

ZONES = (
    "Europe/London",
    "Asia/Kolkata",
    "America/Argentina/Buenos_Aires",
    "Pacific/Chatham",
    "Etc/GMT+12",
    "UTC",
)
FIRST_DAY = date(2024, 1, 1)


def some_day(rng: Random) -> date:
    """A day within four years; now and then a far one."""
    if rng.random() < 0.02:
        return rng.choice((date(1970, 1, 1), date(2099, 12, 31), date(2024, 2, 29)))
    return FIRST_DAY + timedelta(days=rng.randrange(1460))


def sample_date(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """A day, often with a time (both UTC, as stored); some cleared, some never set."""
    draw = rng.random()
    if draw < 0.15:
        return None
    if draw < 0.19:
        return ""
    day = some_day(rng).isoformat()
    if draw < 0.6:
        return {"date": day}
    # Late hours make the owner's local day differ from the stored UTC day.
    hour = rng.choice((0, 6, 9, 14, 22, 23))
    return {"date": day, "time": f"{hour:02d}:{rng.choice((0, 15, 30, 45)):02d}:00"}


def build_date(plain: Plain, _settings: Settings, world: Directory, changed: int) -> Cell:
    """`value` is UTC; `date`, `time` and `text` are in the token owner's zone when a time is set (FACTS 17)."""
    given = {"date": plain} if isinstance(plain, str) and plain else mapping(plain)
    empty: Record = {"date": "", "time": "", "icon": None, "updated_at": None}
    if not given:
        raw = None if plain is None else dumps({"time": "", "date": "", "changed_at": iso_ms(changed)})
        return Cell("", raw, {**empty, "date": None if plain is None else ""}, {"": None, "at": None})
    day, clock = str(given["date"]), given.get("time")
    icon = str(given.get("icon", "")) or None
    raw_value: Record = {"date": day}
    if clock:
        raw_value["time"] = clock
    raw_value["changed_at"] = iso_ms(changed)
    if icon:
        raw_value["icon"] = icon
    fields: Record = {"date": day, "time": "", "icon": icon, "updated_at": iso_offset(changed)}
    try:
        true_day = date.fromisoformat(day)
    except ValueError:
        return Cell(day, dumps(raw_value), fields, {"": None, "at": None, "misfit": day})
    if not clock:
        return Cell(day, dumps(raw_value), fields, {"": true_day, "at": None})
    at = datetime.combine(true_day, time.fromisoformat(str(clock)), UTC)
    local = to_owner_zone(at, world.owner_offset)
    fields |= {"date": f"{local:%Y-%m-%d}", "time": f"{local:%H:%M}"}
    return Cell(f"{local:%Y-%m-%d %H:%M}", dumps(raw_value), fields, {"": true_day, "at": at})


def sample_timeline(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """Two days, sometimes the same one; some never set, some cleared."""
    draw = rng.random()
    if draw < 0.2:
        return None
    if draw < 0.23:
        return ""
    start = some_day(rng)
    return {
        "from": start.isoformat(),
        "to": (start + timedelta(days=rng.choice((0, 1, 5, 14, 90)))).isoformat(),
    }


def build_timeline(plain: Plain, _settings: Settings, _world: Directory, changed: int) -> Cell:
    """Typed ends carry a midnight that means nothing; a cleared value keeps `changed_at` only."""
    span = mapping(plain)
    if not span:
        raw = None if plain is None else dumps({"changed_at": iso_ms(changed)})
        empty: Record = {"from": None, "to": None, "visualization_type": None, "updated_at": None}
        return Cell("", raw, empty, {"from": None, "to": None})
    start, end = str(span["from"]), str(span["to"])
    raw = dumps({"to": end, "from": start, "changed_at": iso_ms(changed)})
    midnight = "T00:00:00+00:00"
    fields: Record = {
        "from": start + midnight,
        "to": end + midnight,
        "visualization_type": None,
        "updated_at": iso_offset(changed),
    }
    return Cell(f"{start} - {end}", raw, fields, {"from": date.fromisoformat(start), "to": date.fromisoformat(end)})


def sample_week(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """A week that begins on Monday."""
    if rng.random() < 0.3:
        return None
    day = some_day(rng)
    return (day - timedelta(days=day.weekday())).isoformat()


def build_week(plain: Plain, _settings: Settings, _world: Directory, _changed: int) -> Cell:
    """Seven days from the given first day."""
    if plain is None:
        return Cell("", None, {"start_date": None, "end_date": None}, {"start": None, "end": None})
    start = date.fromisoformat(str(plain))
    end = start + timedelta(days=6)
    raw = dumps({"week": {"endDate": end.isoformat(), "startDate": start.isoformat()}})
    fields: Record = {"start_date": start.isoformat(), "end_date": end.isoformat()}
    return Cell(f"{start} - {end}", raw, fields, {"start": start, "end": end})


def sample_hour(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """A time of day, midnight and noon included."""
    if rng.random() < 0.3:
        return None
    return (
        rng.choice(("00:00", "12:00", "23:59"))
        if rng.random() < 0.1
        else f"{rng.randrange(24):02d}:{rng.randrange(60):02d}"
    )


def build_hour(plain: Plain, settings: Settings, _world: Directory, changed: int) -> Cell:
    """The text is in 12-hour form unless the settings say 24H."""
    if plain is None:
        return Cell("", None, {"hour": None, "minute": None, "updated_at": None}, {"": None})
    at = time.fromisoformat(str(plain))
    raw = dumps({"hour": at.hour, "minute": at.minute, "changed_at": iso_ms(changed)})
    half = f"{at.hour % 12 or 12:02d}:{at.minute:02d} {'AM' if at.hour < 12 else 'PM'}"
    text = f"{at:%H:%M}" if settings.get("format") == "24H" else half
    return Cell(text, raw, {"hour": at.hour, "minute": at.minute, "updated_at": iso_offset(changed)}, {"": at})


def build_world_clock(plain: Plain, _settings: Settings, _world: Directory, changed: int) -> Cell:
    """A zone name: not a time."""
    if plain is None:
        return Cell("", None, {"timezone": None, "updated_at": None}, {"": None})
    raw = dumps({"timezone": plain, "changed_at": iso_ms(changed)})
    return Cell(str(plain), raw, {"timezone": plain, "updated_at": iso_offset(changed)}, {"": plain})


def sample_tracking(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """Seconds worked; one timer in twenty is running."""
    if rng.random() < 0.35:
        return None
    return {"seconds": rng.randrange(60, 200_000), "running": rng.random() < 0.05}


def build_tracking(plain: Plain, _settings: Settings, _world: Directory, changed: int) -> Cell:
    """0 seconds when never used; the text is hours, minutes and seconds."""
    given = mapping(plain)
    if not given:
        empty: Record = {
            "duration": 0,
            "running": False,
            "started_at": None,
            "updated_at": None,
            "history": [],
        }
        return Cell("", None, empty, {"": 0, "running": False, "started_at": None})
    seconds, running = integer(given["seconds"]), bool(given.get("running"))
    started = iso_z(changed) if running else None
    raw = dumps(
        {
            "running": running,
            "duration": seconds,
            "startDate": changed if running else None,
            "changed_at": iso_ms(changed),
        }
    )
    session: Record = {
        "id": f"s{changed}",
        "status": "active" if running else "stopped",
        "started_at": iso_z(changed - seconds),
        "ended_at": None if running else iso_z(changed),
        "started_user_id": None,
        "ended_user_id": None,
        "created_at": iso_z(changed - seconds),
        "updated_at": iso_z(changed),
        "manually_entered_end_date": False,
        "manually_entered_end_time": False,
        "manually_entered_start_date": False,
        "manually_entered_start_time": False,
    }
    fields: Record = {
        "duration": seconds,
        "running": running,
        "started_at": started,
        "updated_at": iso_z(changed),
        "history": [session],
    }
    text = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    true_start = datetime.fromtimestamp(changed, UTC) if running else None
    return Cell(text, raw, fields, {"": seconds, "running": running, "started_at": true_start})


KINDS = (
    Kind("date", "DateValue", sample_date, build_date),
    Kind("timeline", "TimelineValue", sample_timeline, build_timeline),
    Kind("week", "WeekValue", sample_week, build_week),
    Kind("hour", "HourValue", sample_hour, build_hour, lambda rng: {"format": rng.choice(("12H", "24H"))}),
    Kind("world_clock", "WorldClockValue", lambda rng, _s, _w: rng.choice((None, *ZONES)), build_world_clock),
    Kind("time_tracking", "TimeTrackingValue", sample_tracking, build_tracking),
)
