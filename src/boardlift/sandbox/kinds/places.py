"""Kinds of place and of outside things: country, location, integration, unsupported, progress, auto_number."""

from __future__ import annotations

from random import Random

from .. import words
from .base import Cell, Directory, Kind, Plain, Record, Settings, dumps, iso_ms, iso_offset, mapping

PARTS = (
    "city",
    "country",
    "country_short",
    "place_id",
    "street",
    "street_number",
    "city_short",
    "street_short",
    "street_number_short",
)


def sample_country(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """A country by code and name."""
    if rng.random() < 0.3:
        return None
    city = rng.choice(words.CITIES)
    return {"code": city[2], "name": city[1]}


def build_country(plain: Plain, _settings: Settings, _world: Directory, changed: int) -> Cell:
    """`country` is an object here and a string on a location (FACTS 17)."""
    given = mapping(plain)
    if not given:
        return Cell("", None, {"country": None, "updated_at": None}, {"": None, "code": None})
    code, name = str(given["code"]), str(given["name"])
    raw = dumps({"countryCode": code, "countryName": name, "changed_at": iso_ms(changed)})
    return Cell(
        name,
        raw,
        {"country": {"code": code, "name": name}, "updated_at": iso_offset(changed)},
        {"": name, "code": code},
    )


def sample_location(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """A place; set by hand (city and country known) or by the API (only the address)."""
    if rng.random() < 0.3:
        return None
    city, country, code, lat, lng = rng.choice(words.CITIES)
    address = f"{rng.randrange(1, 300)} {rng.choice(('Main St', 'Hafenstraße', 'דרך הים'))}, {city}"
    place: Record = {"lat": f"{lat + rng.random() / 100:.7f}", "lng": f"{lng:.6f}", "address": address}
    if rng.random() < 0.6:
        place |= {
            "city": city,
            "country": country,
            "country_short": code,
            "place_id": f"ChIJ{rng.randrange(10**8)}",
        }
    return place


def build_location(plain: Plain, _settings: Settings, _world: Directory, changed: int) -> Cell:
    """`lat` and `lng` are strings in the value and floats as typed fields."""
    given = mapping(plain)
    fields: Record = {"lat": None, "lng": None, "address": None, "updated_at": None, **dict.fromkeys(PARTS)}
    if not given:
        return Cell("", None, fields, {"": None, "lat": None, "lng": None, "city": None, "country": None})
    lat, lng, address = str(given["lat"]), str(given["lng"]), str(given["address"])
    raw: Record = {"lat": lat, "lng": lng, "address": address, "changed_at": iso_ms(changed)}
    for part, raw_name in (("city", "city"), ("country", "country"), ("place_id", "placeId")):
        if given.get(part) is not None:
            value = given[part]
            raw[raw_name] = {"long_name": value, "short_name": value} if raw_name != "placeId" else value
    fields |= {name: given.get(name) for name in PARTS}
    fields |= {"lat": float(lat), "lng": float(lng), "address": address, "updated_at": iso_offset(changed)}
    true = {
        "": address,
        "lat": float(lat),
        "lng": float(lng),
        "city": given.get("city"),
        "country": given.get("country"),
    }
    return Cell(address, dumps(raw), fields, true)


def sample_integration(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """A ticket in another tool."""
    if rng.random() < 0.5:
        return None
    number = rng.randrange(10**5)
    return {
        "issue_id": f"ENG-{number}",
        "entity_id": str(10**10 + number),
        "url": f"https://tracker.example/api/issues/{number}",
    }


def build_integration(plain: Plain, _settings: Settings, _world: Directory, changed: int) -> Cell:
    """The key of the ticket, its id and its address."""
    given = mapping(plain)
    fields: Record = {name: given.get(name) for name in ("issue_id", "entity_id")}
    fields["issue_api_url"] = given.get("url")
    true = {"": given.get("issue_id"), "entity_id": given.get("entity_id"), "url": given.get("url")}
    if not given:
        return Cell("", None, fields, true)
    raw = {
        "issueId": given["issue_id"],
        "entity_id": given["entity_id"],
        "issueApiUrl": given["url"],
        "changed_at": iso_ms(changed),
    }
    return Cell(str(given["issue_id"]), dumps(raw), fields, true)


def build_unsupported(plain: Plain, _settings: Settings, _world: Directory, _changed: int) -> Cell:
    """Whatever JSON an unknown column holds."""
    return Cell(None, None if plain is None else dumps(plain), {}, {"": plain})


def build_nothing(_plain: Plain, _settings: Settings, _world: Directory, _changed: int) -> Cell:
    """A column whose value the API never tells (progress, auto_number)."""
    return Cell("", None, {}, {})


def sample_unsupported(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """Any JSON."""
    return rng.choice((None, {"blocks": [1, 2, {"ü": None}]}, {"state": "on", "n": 12345678901234567890}))


KINDS = (
    Kind("country", "CountryValue", sample_country, build_country),
    Kind("location", "LocationValue", sample_location, build_location),
    Kind("integration", "IntegrationValue", sample_integration, build_integration),
    Kind("unsupported", "UnsupportedValue", sample_unsupported, build_unsupported),
    Kind("progress", "ProgressValue", lambda _r, _s, _w: None, build_nothing),
    Kind("auto_number", "UnsupportedValue", lambda _r, _s, _w: None, build_nothing),
)
