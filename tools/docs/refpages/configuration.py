"""docs/reference/configuration.md and boardlift.schema.json: what may stand in boardlift.yaml."""

from __future__ import annotations

import json
import typing
from types import UnionType

import msgspec
from msgspec import Meta, Struct

from boardlift.settings import (
    AccountSettings,
    BoardSettings,
    ColumnSettings,
    DefaultSettings,
    IndexSettings,
    Settings,
    json_schema,
)
from boardlift.shape.types import Kind
from refpages.markdown import code, doc, page, table

SECTIONS: tuple[tuple[str, type[Struct]], ...] = (
    ("The file", Settings),
    ("account", AccountSettings),
    ("defaults", DefaultSettings),
    ("boards[]", BoardSettings),
    ("boards[].indexes[]", IndexSettings),
    ("boards[].columns.&lt;column id&gt;", ColumnSettings),
)

INTRODUCTION = """\
`boardlift.yaml` is looked for in the current folder and the folders above it; `--config` or `BOARDLIFT_CONFIG` names
another. A key that is not listed here is an error. `${NAME}` is replaced from the environment in `destination` and in
`account.token`, after the file was parsed, so a value can never change the file's structure.

Relative paths, in `state` and in a DuckDB URL, start at the folder of the file.

[boardlift.schema.json](boardlift.schema.json) is the JSON schema of the file. Editors with a YAML language server use
it after this first line:

```text
# yaml-language-server: $schema=boardlift.schema.json
```"""

TYPES = """\
`columns.<id>.type` and `defaults.types` take {kinds}, and `decimal(precision,scale)` with a precision up to 38.
`decimal` alone is `decimal(38,10)`. The override of a column comes before the default of its type, and that before
the type of [its family](column-types.md)."""


def render() -> str:
    sections = [
        f"## {title}\n\n{doc(struct)}\n\n{table(('key', 'type', 'default', 'meaning'), _rows(struct))}"
        for title, struct in SECTIONS
    ]
    kinds = ", ".join(code(kind.value) for kind in Kind)
    return page("boardlift.yaml", INTRODUCTION, *sections, "## Types\n\n" + TYPES.format(kinds=kinds))


def render_schema() -> str:
    return json.dumps(json_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def _rows(struct: type[Struct]) -> list[tuple[str, str, str, str]]:
    hints = typing.get_type_hints(struct, include_extras=True)
    rows = []
    for field in msgspec.structs.fields(struct):
        kind, meta = _unwrap(hints[field.name])
        rows.append((code(field.name), _kind(kind, meta), _default(field), (meta.description or "") if meta else ""))
    return rows


def _unwrap(hint: object) -> tuple[object, Meta | None]:
    if typing.get_origin(hint) is typing.Annotated:
        kind, *extras = typing.get_args(hint)
        return kind, next((each for each in extras if isinstance(each, Meta)), None)
    return hint, None


def _kind(hint: object, meta: Meta | None) -> str:
    bounds = []
    if meta is not None:
        bounds += [f"above {meta.gt:g}"] if meta.gt is not None else []
        if meta.ge is not None and meta.le is not None:
            bounds.append(f"{meta.ge:g} to {meta.le:g}")
        elif meta.ge is not None:
            bounds.append(f"at least {meta.ge:g}")
        bounds += [f"matching {code(meta.pattern)}"] if meta.pattern else []
    return ", ".join([_spoken(hint), *bounds])


def _spoken(hint: object) -> str:
    """A type in the words of YAML."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _spoken(arguments[0])
    if origin is typing.Literal:
        return " or ".join(code(each) for each in arguments)
    if origin in (typing.Union, UnionType):
        return " or ".join(_spoken(each) for each in arguments if each is not type(None))
    if origin is list and typing.get_origin(arguments[0]) in (typing.Union, UnionType):
        return f"list, of which each is a {_spoken(arguments[0])}"
    if origin is list:
        return f"list of {_spoken(arguments[0]).replace('mapping', 'mappings')}"
    if origin is dict:
        return f"mapping to {_spoken(arguments[1]).replace('mapping', 'mappings')}"
    if isinstance(hint, type) and issubclass(hint, Struct):
        return "mapping, below"
    plain: dict[object, str] = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    return plain[hint]


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
    if isinstance(value, Struct):
        return "as below"
    if isinstance(value, list):
        return '`[{match: "*"}]`' if value else ""
    if isinstance(value, bool):
        return code(str(value).lower())
    return "" if value in ("", None) or value == {} else code(value)
