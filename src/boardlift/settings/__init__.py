"""What a person says in boardlift.yaml, as frozen values that hide their secrets."""

from boardlift.settings.environment import find_token
from boardlift.settings.file import CONFIG_NAME, Loaded, find_config, load
from boardlift.settings.secret import Secret, without_password
from boardlift.settings.structs import (
    DEFAULT_API_URL,
    DEFAULT_API_VERSION,
    TOKEN_VARIABLE,
    AccountSettings,
    BoardSettings,
    ColumnSettings,
    DefaultSettings,
    IndexColumns,
    IndexSettings,
    ReadMode,
    ReplaceWay,
    Schedule,
    Settings,
    json_schema,
)

__all__ = [
    "CONFIG_NAME",
    "DEFAULT_API_URL",
    "DEFAULT_API_VERSION",
    "TOKEN_VARIABLE",
    "AccountSettings",
    "BoardSettings",
    "ColumnSettings",
    "DefaultSettings",
    "IndexColumns",
    "IndexSettings",
    "Loaded",
    "ReadMode",
    "ReplaceWay",
    "Schedule",
    "Secret",
    "Settings",
    "find_config",
    "find_token",
    "json_schema",
    "load",
    "without_password",
]
