"""boardlift.yaml: found, read once into frozen values, and checked. Unknown keys are errors."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from boardlift.errors import ConfigError
from boardlift.settings.checks import check_boards, check_namespace
from boardlift.settings.environment import expand, find_token
from boardlift.settings.secret import Secret, password_of
from boardlift.settings.structs import Settings

CONFIG_NAME = "boardlift.yaml"


class Loaded(Struct, frozen=True):
    """Settings together with where they came from. `folder` anchors relative paths."""

    settings: Settings
    folder: Path
    token: Secret
    destination: Secret
    secrets: tuple[Secret, ...] = ()

    @property
    def state_folder(self) -> Path:
        return self.folder / self.settings.state


def find_config(given: Path | None) -> Path:
    """The file named, or boardlift.yaml here or in a folder above. Raises ConfigError when there is none."""
    if given is not None:
        if given.is_file():
            return given
        raise ConfigError(f"There is no configuration file at {given}.", hint="run `boardlift init` to write one")
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / CONFIG_NAME).is_file():
            return folder / CONFIG_NAME
    raise ConfigError(
        f"There is no {CONFIG_NAME} in {here} or any folder above it.",
        hint="run `boardlift init` to write one, or name it with --config",
    )


def load(path: Path, *, token_required: bool = True) -> Loaded:
    """Read and check a configuration file.

    `${NAME}` is replaced from the environment after parsing, so a value can never change the file's structure.
    Raises ConfigError with the place in the file.
    """
    settings = _parse(path)
    check_namespace(settings, path)
    check_boards(settings, path)
    destination = expand(settings.destination, f"{path}: destination")
    token = find_token(settings.account.token) if token_required else Secret("")
    return Loaded(
        settings=settings,
        folder=path.resolve().parent,
        token=token,
        destination=Secret(_anchor(destination, path.resolve().parent)),
        secrets=tuple(s for s in (token, password_of(destination)) if s),
    )


def _parse(path: Path) -> Settings:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The configuration {path} cannot be read: {error}.",
            hint="check the file's rights and its encoding (UTF-8)",
        ) from error
    try:
        document: object = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        # Its own words quote the line, which may hold the token or a password; so does the exception itself.
        raise ConfigError(
            f"The configuration {path} is not valid YAML{_place(error)}.",
            hint="mend the line named above (quote texts that hold `: `, `#`, `*`, `!` or brackets), "
            "then run `boardlift doctor`",
        ) from None
    if not isinstance(document, dict):
        raise ConfigError(f"The configuration {path} is empty.", hint="run `boardlift init` to write a new one")
    try:
        return msgspec.convert(document, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(
            f"The configuration {path} cannot be used: {error}.",
            hint="docs/reference/configuration.md lists every key",
        ) from error


def _place(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return ": it is nested too deep" if isinstance(error, RecursionError) else ": it holds a character YAML forbids"
    return f" at line {mark.line + 1}, column {mark.column + 1}"


def _anchor(destination: str, folder: Path) -> str:
    """Make the path of a database file relative to the configuration file, not to wherever the command was typed."""
    prefix, _, rest = destination.partition(":///")
    if (
        prefix not in {"duckdb", "sqlite"}
        or not rest
        or rest.startswith(("/", ":memory:"))
        or Path(rest.split("?")[0]).is_absolute()
    ):
        return destination
    name, question, query = rest.partition("?")
    return f"{prefix}:///{(folder / name).as_posix()}{question}{query}"
