"""Kinds whose value is a string or a number: text, long_text, numbers, link, email, phone, item-free ones."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from random import Random

from .. import words
from .base import Cell, Directory, Kind, Plain, Settings, clean, dumps, iso_ms, iso_offset, mapping

LONG_NUMBERS = (
    "12345678901234567890.12",
    "-0.0000000001",
    "99999999999999999999",
    "0.1",
    "9007199254740993",
    "-1",
    "0",
    "1000000.000001",
)


def sample_text(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """A text; sometimes never set (None) or cleared ("")."""
    draw = rng.random()
    return None if draw < 0.15 else "" if draw < 0.2 else words.short_text(rng)


def build_text(plain: Plain, _settings: Settings, _world: Directory, _changed: int) -> Cell:
    """Never set: text "" and value null; cleared: value `""` (FACTS 17)."""
    if plain is None:
        return Cell("", None, {}, {"": None})
    text = str(plain)
    return Cell(text, dumps(text), {}, {"": clean(text)})


def sample_long_text(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """Some sentences; sometimes None or cleared."""
    draw = rng.random()
    return None if draw < 0.25 else "" if draw < 0.28 else words.long_text(rng)


def build_long_text(plain: Plain, _settings: Settings, _world: Directory, changed: int) -> Cell:
    """The raw value is an object with the text in it."""
    if plain is None:
        return Cell("", None, {"updated_at": None}, {"": None})
    text = str(plain)
    raw = dumps({"text": text, "changed_at": iso_ms(changed)})
    return Cell(text, raw, {"updated_at": iso_offset(changed)}, {"": clean(text)})


def sample_number(rng: Random, settings: Settings, _world: Directory) -> Plain:
    """A decimal as monday keeps it (text); now and then one that a float cannot hold."""
    draw = rng.random()
    if draw < 0.15:
        return None
    if draw < 0.19:
        return ""
    if draw < 0.24 and not settings.get("small"):
        return rng.choice(LONG_NUMBERS)
    places = rng.choice((0, 0, 1, 2, 2, 3))
    return f"{rng.uniform(-50, 5000):.{places}f}"


def number_settings(rng: Random) -> Settings:
    """A unit now and then: the symbol is in the settings, never in the text (FACTS 17)."""
    unit = rng.choice((None, ("$", "left"), ("€", "right"), ("custom", "right")))
    if unit is None:
        return {}
    settings: Settings = {"unit": {"symbol": unit[0], "direction": unit[1]}}
    if unit[0] == "custom":
        settings["unit"] = {"symbol": "custom", "custom_unit": " pcs", "direction": "right"}
    return settings


def build_number(plain: Plain, settings: Settings, _world: Directory, _changed: int) -> Cell:
    """`number` is a Float and loses digits that `text` keeps; a misfit has a text that is no number."""
    unit = mapping(settings.get("unit"))
    shown: dict[str, object] = {
        "symbol": unit.get("symbol"),
        "direction": unit.get("direction"),
        "number": None,
    }
    if plain is None or plain == "":
        return Cell("", None if plain is None else '""', shown, {"": None})
    text = str(plain)
    try:
        exact = Decimal(text)
        shown["number"] = float(exact)
    except InvalidOperation:
        return Cell(text, dumps(text), shown, {"": None, "misfit": text})
    return Cell(text, dumps(text), shown, {"": exact})


def sample_link(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """A web address with a text."""
    if rng.random() < 0.35:
        return None
    return {
        "url": f"https://example.com/{rng.randrange(10**6)}?q=ä&x=1",
        "text": rng.choice(("go", "", "a - b", "see “here”")),
    }


def build_link(plain: Plain, _settings: Settings, _world: Directory, changed: int) -> Cell:
    """`text` is "text - url"."""
    link = mapping(plain)
    if not link:
        return Cell("", None, {"url": None, "url_text": None, "updated_at": None}, {"": None, "text": None})
    url, label = str(link.get("url", "")), str(link.get("text", ""))
    raw = dumps({"url": url, "text": label, "changed_at": iso_ms(changed)})
    fields = {"url": url, "url_text": label, "updated_at": iso_offset(changed)}
    return Cell(f"{label} - {url}" if label else url, raw, fields, {"": clean(url), "text": clean(label)})


def sample_email(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """An address; the label is often the address again."""
    if rng.random() < 0.25:
        return None
    email = f"user{rng.randrange(9999)}@example.{rng.choice(('com', 'de', 'co.jp'))}"
    return {"email": email, "text": email if rng.random() < 0.6 else words.person_name(rng)}


def build_email(plain: Plain, _settings: Settings, _world: Directory, changed: int) -> Cell:
    """`text` is the label, or "label - email" when they differ."""
    given = {"email": plain, "text": plain} if isinstance(plain, str) and plain else mapping(plain)
    if not given:
        return Cell("", None, {"email": None, "label": None, "updated_at": None}, {"": None, "label": None})
    email, label = str(given.get("email", "")), str(given.get("text", ""))
    raw = dumps({"text": label, "email": email, "changed_at": iso_ms(changed)})
    text = email if label == email else f"{label} - {email}"
    fields = {"email": email, "label": label, "updated_at": iso_offset(changed)}
    return Cell(text, raw, fields, {"": clean(email), "label": clean(label)})


def sample_phone(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """Digits and a country."""
    if rng.random() < 0.3:
        return None
    return {
        "phone": f"{rng.choice((1, 49, 81))}{rng.randrange(10**9):09d}",
        "country": rng.choice(("US", "DE", "JP")),
    }


def build_phone(plain: Plain, _settings: Settings, _world: Directory, changed: int) -> Cell:
    """Digits without punctuation; the country is kept beside them."""
    phone = mapping(plain)
    if not phone:
        fields: dict[str, object] = {"phone": None, "country_short_name": None, "updated_at": None}
        return Cell("", None, fields, {"": None, "country": None})
    digits, country = str(phone["phone"]), str(phone.get("country", ""))
    raw = dumps({"phone": digits, "changed_at": iso_ms(changed), "countryShortName": country})
    shown: dict[str, object] = {
        "phone": digits,
        "country_short_name": country,
        "updated_at": iso_offset(changed),
    }
    return Cell(digits, raw, shown, {"": digits, "country": clean(country)})


KINDS = (
    Kind("text", "TextValue", sample_text, build_text),
    Kind("long_text", "LongTextValue", sample_long_text, build_long_text),
    Kind("numbers", "NumbersValue", sample_number, build_number, number_settings),
    Kind("link", "LinkValue", sample_link, build_link),
    Kind("email", "EmailValue", sample_email, build_email),
    Kind("phone", "PhoneValue", sample_phone, build_phone),
)
