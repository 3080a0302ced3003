"""What a parsed boardlift.yaml must also hold to, beyond what its structs can say."""

from __future__ import annotations

from pathlib import Path

from boardlift.errors import ConfigError
from boardlift.settings.structs import Settings
from boardlift.shape.types import parse_type

_TAKEN = {"mysql", "sys", "performance_schema", "information_schema", "pg_catalog", "pg_toast"}
"""Namespaces that belong to an engine itself."""
_SUFFIXES = {
    "__boardlift": "boardlift keeps hidden tables",
    "_test": "`boardlift sync --test` puts its tables",
    "_rehearsal": "`boardlift rollback --rehearse` puts its copies",
}


def check_namespace(settings: Settings, path: Path) -> None:
    """Two namespaces that boardlift makes from one name must never be a namespace of somebody else."""
    name = settings.namespace
    said = next((what for suffix, what in _SUFFIXES.items() if name.endswith(suffix)), "")
    if "__boardlift" in name or name in _TAKEN or said:
        raise ConfigError(
            f"{path}: `namespace: {name}` is taken: there "
            f"{said or ('the engine keeps its own tables' if name in _TAKEN else _SUFFIXES['__boardlift'])}.",
            hint="choose another name, such as `namespace: monday`",
        )


def check_boards(settings: Settings, path: Path) -> None:
    """Raise ConfigError unless every entry names its board in one way, and every type is one we know."""
    for number, board in enumerate(settings.boards):
        if (board.id is None) == (not board.match):
            raise ConfigError(
                f"{path}: boards[{number}] must have either an id or a match.",
                hint="`boardlift boards` lists the ids of all boards",
            )
        for column in board.columns.values():
            if column.type:
                parse_type(column.type)
    for text in settings.defaults.types.values():
        parse_type(text)
