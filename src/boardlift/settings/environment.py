"""The values that boardlift.yaml only refers to: `${NAME}` from the environment, the token from the keyring, too."""

from __future__ import annotations

import os
import re

from boardlift.errors import ConfigError
from boardlift.settings.secret import Secret

_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def find_token(text: str) -> Secret:
    """The token from the text of the setting, the environment, or the keyring (service `boardlift`, user `token`)."""
    reference = _REFERENCE.fullmatch(text.strip())
    if not reference:
        return Secret(expand(text, "account.token"))
    if value := os.environ.get(reference[1], "").strip():
        return Secret(value)
    if value := _from_keyring():
        return Secret(value)
    raise ConfigError(
        f"No monday.com API token: the environment variable {reference[1]} is not set, and the keyring holds none.",
        hint=f"export {reference[1]}=... (monday.com: your avatar > Developers > API token), then `boardlift doctor`",
    )


def expand(text: str, where: str) -> str:
    """The text with every `${NAME}` replaced; an error says `where` it stands. Raises ConfigError for one not set."""

    def value(match: re.Match[str]) -> str:
        found = os.environ.get(match[1])
        if found is None:
            raise ConfigError(
                f"{where} refers to the environment variable {match[1]}, which is not set.",
                hint=f"export {match[1]}=... and run the command again",
            )
        return found

    return _REFERENCE.sub(value, text)


def _from_keyring() -> str:
    import keyring
    import keyring.errors

    try:
        return keyring.get_password("boardlift", "token") or ""
    except keyring.errors.KeyringError:
        return ""
