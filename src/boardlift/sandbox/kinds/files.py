"""Kinds that hold files and documents: file, doc, direct_doc."""

from __future__ import annotations

from random import Random

from .base import Cell, Directory, Kind, Plain, Record, Settings, dumps, integer, iso_offset, mapping, members

NAMES = (
    "drawing_rev_c.pdf",
    "Foto, Halle 3.jpg",
    "מפרט.docx",
    "見積書.xlsx",
    'a "quoted" name.txt',
    "scan.png",
)


def sample_files(rng: Random, _settings: Settings, world: Directory) -> Plain:
    """None, an emptied list, or one to three members of any of the four kinds."""
    draw = rng.random()
    if draw < 0.35:
        return None
    if draw < 0.4:
        return []
    return [one_file(rng, world) for _ in range(rng.choice((1, 1, 2, 3)))]


def one_file(rng: Random, world: Directory) -> Record:
    """A member: an uploaded asset, a link, a monday doc, or an asset that is gone."""
    kind = rng.choices(("asset", "link", "doc", "invalid"), weights=(7, 2, 1, 1))[0]
    return {
        "kind": kind,
        "id": 10**9 + rng.randrange(10**8),
        "name": rng.choice(NAMES),
        "at": 1_700_000_000 + rng.randrange(5 * 10**7),
        "by": integer(rng.choice(world.users)["id"]),
        "link_kind": rng.choice(("google_drive", "dropbox", "link")),
    }


def address(member: Record, world: Directory) -> str:
    """Where a member is to be found (a login is needed for uploaded ones)."""
    kind, identity, name = member["kind"], member["id"], member["name"]
    if kind == "link":
        return f"https://drive.example/file/{identity}"
    if kind == "doc":
        return f"https://{world.slug}.monday.com/docs/{identity}"
    return f"https://{world.slug}.monday.com/protected_static/1/resources/{identity}/{str(name).replace(' ', '%20')}"


def raw_member(member: Record, world: Directory) -> Record:
    """A member inside the value: camel case, ids as numbers, flags and times as strings (FACTS 17)."""
    image = "true" if str(member["name"]).endswith((".png", ".jpg")) else "false"
    common: Record = {
        "name": member["name"],
        "createdAt": f"{integer(member['at'])}000",
        "createdBy": str(member["by"]),
    }
    if member["kind"] in ("asset", "invalid"):
        return {"assetId": member["id"], "isImage": image, "fileType": "ASSET", **common}
    identity = f"f-{member['id']}"
    if member["kind"] == "link":
        link_type = str(member["link_kind"]).upper()
        return {
            "fileId": identity,
            "linkToFile": address(member, world),
            "fileType": link_type,
            "isImage": "false",
            **common,
        }
    return {
        "fileId": identity,
        "objectId": member["id"],
        "linkToFile": address(member, world),
        "fileType": "MONDAY_DOC",
        **common,
    }


def shown_member(member: Record, world: Directory) -> Record:
    """A member as a typed object, with its `__typename`."""
    at = iso_offset(integer(member["at"]))
    base: Record = {"created_at": at, "creator_id": str(member["by"])}
    identity, name = str(member["id"]), str(member["name"])
    if member["kind"] == "asset":
        extension = "." + name.rsplit(".", 1)[-1]
        url = address(member, world)
        asset: Record = {
            "id": identity,
            "name": name,
            "url": url,
            "public_url": f"https://files.example/{identity}?X-Amz-Expires=3600",
            "file_extension": extension,
            "file_size": 1024 + integer(member["id"]) % 100_000,
            "created_at": at,
            "url_thumbnail": None,
            "original_geometry": None,
            "uploaded_by": str(member["by"]),
        }
        image = extension in (".png", ".jpg")
        return {
            "__typename": "FileAssetValue",
            "asset_id": identity,
            "name": name,
            "is_image": image,
            "asset": asset,
            **base,
        }
    if member["kind"] == "link":
        link: Record = {
            "file_id": f"f-{identity}",
            "kind": member["link_kind"],
            "name": name,
            "url": address(member, world),
        }
        return {"__typename": "FileLinkValue", **link, **base}
    if member["kind"] == "doc":
        doc: Record = {
            "file_id": f"f-{identity}",
            "object_id": identity,
            "url": address(member, world),
            "doc": identity,
        }
        return {"__typename": "FileDocValue", **doc, **base}
    return {
        "__typename": "FileAssetInvalidValue",
        "asset_id": identity,
        "name": name,
        "error": "asset not found",
        **base,
    }


def true_member(member: Record, world: Directory) -> Record:
    """A member as it really is."""
    asset = member["kind"] in ("asset", "invalid")
    return {
        "asset_id": member["id"] if asset else None,
        "name": member["name"],
        "kind": member["kind"],
        "file_id": None if asset else f"f-{member['id']}",
        "url": None if asset else address(member, world),
    }


def build_files(plain: Plain, _settings: Settings, world: Directory, _changed: int) -> Cell:
    """The text is the addresses joined by ", "; emptied is not the same as never set."""
    listed = [dict(mapping(member)) for member in members(plain)]
    if not listed:
        return Cell("", None if plain is None else '{"files":[]}', {"files": []}, {"": None, "links": []})
    raw = dumps({"files": [raw_member(member, world) for member in listed]})
    text = ", ".join(address(member, world) for member in listed)
    shown = [shown_member(member, world) for member in listed]
    return Cell(text, raw, {"files": shown}, {"": text, "links": [true_member(member, world) for member in listed]})


def sample_doc(rng: Random, _settings: Settings, world: Directory) -> Plain:
    """One monday doc, or none."""
    return None if rng.random() < 0.6 else {**one_file(rng, world), "kind": "doc"}


def build_doc(plain: Plain, _settings: Settings, world: Directory, _changed: int) -> Cell:
    """A doc column holds a list of one."""
    member = dict(mapping(plain))
    if not member:
        return Cell("", None, {"file": None}, {"": None})
    files = [raw_member(member, world)]
    return Cell(address(member, world), dumps({"files": files}), {"file": shown_member(member, world)}, {"": files})


def build_direct_doc(plain: Plain, settings: Settings, world: Directory, changed: int) -> Cell:
    """The newer doc column: empty is `{"files":null}`, and its typed `file` is not readable."""
    doc = build_doc(plain, settings, world, changed)
    return Cell(doc.text, doc.value or '{"files":null}', {"file": None}, doc.truth)


KINDS = (
    Kind("file", "FileValue", sample_files, build_files),
    Kind("doc", "DocValue", sample_doc, build_doc),
    Kind(
        "direct_doc",
        "DirectDocValue",
        sample_doc,
        build_direct_doc,
        lambda _rng: {"doc_type": 1, "auto_map_on_move": True},
    ),
)
