"""Kinds whose value is chosen from something: status, dropdown, checkbox, rating, colour, button."""

from __future__ import annotations

from random import Random
from typing import cast

from .base import (
    Cell,
    Directory,
    Kind,
    Plain,
    Record,
    Settings,
    clean,
    dumps,
    integer,
    iso_ms,
    iso_offset,
    iso_z,
    mapping,
    members,
)

PALETTE = {
    0: ("#fdab3d", "#e99729", "orange"),
    1: ("#00c875", "#00b461", "green-shadow"),
    2: ("#df2f4a", "#ce3048", "red-shadow"),
    3: ("#007eb5", "#3db0df", "blue-links"),
    5: ("#c4c4c4", "#b0b0b0", "grey"),
    7: ("#579bfc", "#4387e8", "bright-blue"),
    11: ("#216edf", "#216edf", "sky"),
    12: ("#333333", "#000", "soft-black"),
    103: ("#ffcb00", "#c0ab1b", "yellow"),
}
GREY = 5
STATUS_SETS = (
    ("Working on it", "Done", "Stuck"),
    ("In Progress", "Done", "Pending Deploy", "Waiting for review, again", "Ready to start"),
    ("Offen", "Erledigt", "Gesperrt", "בטיפול", "完了"),
    ("Critical", "Low", "High", "Medium", "Best Effort", "Won't fix"),
)
DROPDOWN_SETS = (
    ("Steel", "Aluminium", "Copper, coated", "PA66 GF30", "Brass"),
    ("Red", "Green", "Blue", "Blue, dark", "Rosé"),
    ("LinkedIn", "Referral", "大学", 'Agency "A"', "Website"),
)


def status_settings(rng: Random) -> Settings:
    """Labels with an id (`StatusValue.index`) and an `index` (display place): not the same (FACTS 16).

    The grey default label (id 5) is named on about one board in three; one label is deactivated.
    """
    labels = rng.choice(STATUS_SETS)
    ids = [number for number in PALETTE if number != GREY][: len(labels)]
    places = list(range(len(labels)))
    rng.shuffle(places)
    listed = [
        label(number, text, place, done=number == 1) for number, text, place in zip(ids, labels, places, strict=True)
    ]
    listed.append(label(GREY, rng.choice(("", "", "Not Started")), len(labels), done=False))
    listed.append({**label(12, "Old label", len(labels) + 1, done=False), "is_deactivated": True})
    return {"labels": sorted(listed, key=lambda entry: integer(entry["id"]))}


def label(identity: int, text: str, place: int, *, done: bool) -> Record:
    """One entry of a status column's settings."""
    colour = PALETTE[identity][0]
    return {
        "id": identity,
        "color": identity,
        "label": text,
        "index": place,
        "is_done": done,
        "is_deactivated": False,
        "hex": colour,
    }


def labels_of(settings: Settings) -> list[Record]:
    """The label entries of a status or dropdown column."""
    return cast("list[Record]", settings.get("labels", []))


def sample_status(rng: Random, settings: Settings, _world: Directory) -> Plain:
    """A label id; sometimes never set, cleared, or the grey default chosen by hand."""
    draw = rng.random()
    if draw < 0.12:
        return None
    if draw < 0.16:
        return "cleared"
    if draw < 0.2:
        return GREY
    return rng.choice(labels_of(settings))["id"]


def build_status(plain: Plain, settings: Settings, _world: Directory, changed: int) -> Cell:
    """Never set shows the default label (named or not) with a null value; cleared keeps `changed_at` (FACTS 17)."""
    labels = labels_of(settings)
    chosen = GREY if plain is None else plain
    entry = next((row for row in labels if chosen in (row["id"], row["label"]) and chosen != ""), None)
    named = entry is not None and entry["label"] != ""
    empty: Record = {
        "index": None,
        "label": None,
        "is_done": False,
        "label_style": None,
        "update_id": None,
        "updated_at": None,
    }
    if plain == "cleared" or (plain is None and not named):
        raw = None if plain is None else dumps({"changed_at": iso_ms(changed)})
        return Cell(None, raw, empty, {"": None, "index": None})
    if entry is None:
        raise ValueError(f"the column has no label {plain!r}")
    index = integer(entry["id"])
    colour, border, _name = PALETTE[index]
    fields: Record = {
        "index": index,
        "label": str(entry["label"]) or None,
        "is_done": bool(entry["is_done"]),
        "update_id": None,
        "label_style": {"color": colour, "border": border},
        "updated_at": None if plain is None else iso_z(changed),
    }
    raw = None if plain is None else dumps({"index": index, "post_id": None, "changed_at": iso_ms(changed)})
    text = str(entry["label"]) or None
    return Cell(text, raw, fields, {"": clean(text), "index": index})


def dropdown_settings(rng: Random) -> Settings:
    """Labels with ids; some hold a comma, so that splitting the text is wrong."""
    labels = rng.choice(DROPDOWN_SETS)
    entries = [{"id": 1 + 2 * place, "label": text, "is_deactivated": False} for place, text in enumerate(labels)]
    return {"type": "text", "limit_select": False, "labels": entries}


def sample_dropdown(rng: Random, settings: Settings, _world: Directory) -> Plain:
    """None, one, or several labels."""
    if rng.random() < 0.25:
        return None
    labels = labels_of(settings)
    return [row["id"] for row in rng.sample(labels, k=min(len(labels), rng.choice((1, 1, 1, 2, 3))))]


def build_dropdown(plain: Plain, settings: Settings, _world: Directory, changed: int) -> Cell:
    """Ids in the value, labels joined by ", " in the text; the column keeps no `updated_at`."""
    rows = {key: row for row in labels_of(settings) for key in (row["id"], row["label"])}
    chosen = [rows[key] for key in members(plain)]
    if not chosen:
        return Cell(None, None, {"values": []}, {"": None, "links": []})
    raw = dumps({"ids": [row["id"] for row in chosen], "changed_at": iso_ms(changed)})
    values = [{"id": str(row["id"]), "label": row["label"]} for row in chosen]
    links = [{"label_id": row["id"], "label": row["label"]} for row in chosen]
    text = ", ".join(str(row["label"]) for row in chosen)
    return Cell(text, raw, {"values": values}, {"": text, "links": links})


def sample_checkbox(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """Null, false, true, or the older form with the word "true"."""
    return rng.choice((None, False, False, True, True, "true"))


def build_checkbox(plain: Plain, _settings: Settings, _world: Directory, changed: int) -> Cell:
    """Null and `{"checked":false}` are both unchecked; only the second is a value."""
    if plain is None:
        return Cell("", None, {"checked": None, "updated_at": None}, {"": None})
    checked = plain is True or plain == "true"
    raw: Record = {"checked": plain}
    if checked:
        raw["changed_at"] = iso_ms(changed)
    return Cell(
        "v" if checked else "",
        dumps(raw),
        {"checked": checked, "updated_at": iso_offset(changed)},
        {"": checked},
    )


def sample_rating(rng: Random, settings: Settings, _world: Directory) -> Plain:
    """1 up to the column's limit, or nothing."""
    return None if rng.random() < 0.3 else rng.randint(1, integer(settings.get("limit", 5)))


def build_rating(plain: Plain, _settings: Settings, _world: Directory, changed: int) -> Cell:
    """A small number."""
    if plain is None:
        return Cell("", None, {"rating": None, "updated_at": None}, {"": None})
    stars = integer(plain)
    raw = dumps({"rating": stars, "changed_at": iso_ms(changed)})
    return Cell(str(stars), raw, {"rating": stars, "updated_at": iso_z(changed)}, {"": stars})


def sample_colour(rng: Random, _settings: Settings, _world: Directory) -> Plain:
    """A colour, as hex or as red, green and blue."""
    if rng.random() < 0.3:
        return None
    parts = [rng.randrange(256) for _ in range(3)]
    if rng.random() < 0.3:
        return dict(zip("rgb", parts, strict=True))
    return "#{:02X}{:02x}{:02X}".format(*parts)


def build_colour(plain: Plain, _settings: Settings, _world: Directory, changed: int) -> Cell:
    """Stored as RGB the typed colour and the text are null, and only the value tells (FACTS 17)."""
    if plain is None:
        return Cell(None, None, {"color": None, "updated_at": None}, {"": None})
    parts = mapping(plain)
    if parts:
        true = "#" + "".join(f"{integer(parts[name]):02X}" for name in "rgb")
        raw = dumps({"color": {name: parts[name] for name in "rgb"}, "changed_at": iso_ms(changed)})
        return Cell(None, raw, {"color": None, "updated_at": iso_offset(changed)}, {"": true})
    text = str(plain)
    raw = dumps({"color": {"hex": text}, "changed_at": iso_ms(changed)})
    return Cell(text, raw, {"color": text, "updated_at": iso_offset(changed)}, {"": text.upper()})


def build_button(_plain: Plain, settings: Settings, _world: Directory, _changed: int) -> Cell:
    """A button shows its label in every row."""
    name = str(settings.get("label", "Click me"))
    return Cell("", None, {"label": name, "color": "#579bfc"}, {"": name})


KINDS = (
    Kind("status", "StatusValue", sample_status, build_status, status_settings),
    Kind("dropdown", "DropdownValue", sample_dropdown, build_dropdown, dropdown_settings),
    Kind("checkbox", "CheckboxValue", sample_checkbox, build_checkbox),
    Kind("rating", "RatingValue", sample_rating, build_rating, lambda rng: {"limit": rng.choice((3, 5, 10))}),
    Kind("color_picker", "ColorPickerValue", sample_colour, build_colour),
    Kind(
        "button",
        "ButtonValue",
        lambda _rng, _settings, _world: None,
        build_button,
        lambda _rng: {"label": "Notify"},
    ),
)
