"""From a URL to what the driver takes: `mssql://user:password@host:1433/database?option=value`."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from boardlift.destinations.address import SecretKeeper
from boardlift.errors import ConfigError

_PORT = 1433
# Option of the URL in lower case -> the driver's keyword.
_OPTIONS = {
    "authentication": "Authentication",
    "encrypt": "Encrypt",
    "trustservercertificate": "TrustServerCertificate",
    "hostnameincertificate": "HostnameInCertificate",
    "servercertificate": "ServerCertificate",
    "serverspn": "ServerSPN",
    "trusted_connection": "Trusted_Connection",
    "multisubnetfailover": "MultiSubnetFailover",
    "ipaddresspreference": "IpAddressPreference",
    "packetsize": "PacketSize",
    "keepalive": "KeepAlive",
    "keepaliveinterval": "KeepAliveInterval",
}
_EXAMPLE = "write mssql://user:password@host:1433/database, with special characters percent-encoded"


@dataclass(frozen=True, repr=False)
class Address(SecretKeeper):
    """Where an mssql:// URL leads."""

    connection_string: str


def read_url(url: str) -> Address:
    """A URL -> Address. Raises ConfigError, which repeats nothing of the URL, for one that cannot be meant."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORT
    except ValueError:
        raise ConfigError("The SQL Server URL in `destination:` cannot be read.", hint=_EXAMPLE) from None
    database = unquote(parts.path.lstrip("/"))
    if not host or not database or "/" in database:
        raise ConfigError("The SQL Server URL in `destination:` names no host or no database.", hint=_EXAMPLE)
    # The port of a bracketed IPv6 address follows the last comma, like any other.
    keywords = {"Server": f"{unquote(host)},{port}", "Database": database}
    if parts.username:
        keywords["UID"] = unquote(parts.username)
    if parts.password:
        keywords["PWD"] = unquote(parts.password)
    # A session that was silently made anew would have lost the lease and every setting.
    keywords |= {"Encrypt": "yes", "ConnectRetryCount": "0"} | _options(parts.query)
    if "UID" not in keywords and not {"Authentication", "Trusted_Connection"} & keywords.keys():
        raise ConfigError(
            "The SQL Server URL in `destination:` names no user.",
            hint=f"{_EXAMPLE}; without a user add authentication=ActiveDirectoryDefault or another of Entra's ways",
        )
    secrets = {parts.password or "", unquote(parts.password or ""), _braced(unquote(parts.password or ""))}
    connection_string = ";".join(f"{keyword}={_braced(value)}" for keyword, value in keywords.items())
    by_length = sorted((secret for secret in secrets if len(secret) > 2), key=len, reverse=True)
    return Address(
        f"mssql://{host}:{port}/{database}",
        (connection_string, *([url] if by_length else []), *by_length),
        connection_string,
    )


def _options(query: str) -> dict[str, str]:
    found = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        keyword = _OPTIONS.get(name.lower())
        if keyword is None or not value:
            told = name if name.lower() not in {"pwd", "password"} else "password"
            raise ConfigError(
                f"The SQL Server URL in `destination:` has an option that cannot be used: {told}.",
                hint=f"options are {', '.join(sorted(_OPTIONS))}, each with a value",
            )
        found[keyword] = value
    return found


def _braced(value: str) -> str:
    """A value as it stands in a connection string: in braces, where it could end it or be read as another keyword."""
    if value and not any(character in value for character in ";{}=[]()?*!@ \t'\""):
        return value
    return "{" + value.replace("}", "}}") + "}"
