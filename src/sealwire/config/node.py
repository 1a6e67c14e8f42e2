"""A node's configuration: defaults of ``up``, or ``node.toml`` for ``serve``; checked once."""

from __future__ import annotations

import json
import socket
import tomllib
from pathlib import Path  # noqa: TC003 - pydantic reads it when the class is built
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from sealwire.audit.formats import AuditFormat
from sealwire.config.home import default_home
from sealwire.config.receiving import ReceivingSettings
from sealwire.errors import Finding, RefusedError, Severity, UsageError
from sealwire.x509.hostnames import general_name, ip_address, is_host

Port = Annotated[int, Field(ge=0, le=65535)]


def own_host_name() -> str:
    """The machine's fully qualified name as it knows it itself, lower case.

    ``localhost`` when what the machine calls itself is no host name.
    """
    known = (socket.getfqdn().lower(), socket.gethostname().lower())
    return next((name for name in known if is_host(name)), "localhost")


class NodeConfig(BaseModel):
    """What one node runs and where it listens. Unknown keys are refused.

    Port 0 takes any free port; the ports in use stand in ``HOME/run/node.json``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    home: Path = Field(default_factory=default_home)
    roles: Annotated[frozenset[Literal["ca", "appliance", "sensor"]], Field(min_length=1)] = (
        frozenset({"ca", "appliance", "sensor"})
    )
    # It may hold a password: neither shown nor written anywhere but into the owner's own file.
    database: str = Field(default="", repr=False)
    listen: str = ""
    console_port: Port = 8443
    http_port: Port = 8080
    tls_ports: Annotated[tuple[Port, ...], Field(min_length=1)] = (6514, 6515)
    # Without TLS anybody on the way can read, change and forge: only for who cannot speak it.
    tcp_ports: tuple[Port, ...] = ()
    udp_ports: tuple[Port, ...] = ()
    legacy_cbc: bool = False
    receiving: ReceivingSettings = Field(default_factory=ReceivingSettings)
    receivers: Annotated[int, Field(ge=0, le=64)] = 0
    host_name: Annotated[str, Field(min_length=1, max_length=253)] = Field(
        default_factory=own_host_name
    )
    unit: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "unit-1"
    sensor_name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")] = "sensor-1"
    audit_format: AuditFormat = AuditFormat.V10_4_5
    public_url: Annotated[str, Field(pattern=r"^(https?://[!-~]+)?$")] = ""
    # Secrets are named here, never held: each may come from the environment or systemd instead.
    key_encryption_key_file: Path | None = None
    pkcs11_module: Path | None = None
    pkcs11_token: Annotated[str, Field(max_length=32)] = ""
    pkcs11_pin_file: Path | None = None

    @field_validator("home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("host_name")
    @classmethod
    def _host(cls, value: str) -> str:
        """One spelling, the one that certificates and syslog carry: A-labels, lower case."""
        if "*" in value:
            raise ValueError("a machine's own name is no pattern")
        return str(general_name(value).value).lower()

    @field_validator("public_url")
    @classmethod
    def _public(cls, value: str) -> str:
        """Certificates carry it, and a linter takes a name of one label for no address."""
        try:
            host = urlsplit(value).hostname or ""
            alone = bool(value) and "." not in host and ip_address(host) is None
        except ValueError:
            alone = True
        if alone:
            raise ValueError(
                "it needs a full host name (with a dot) or an IP address, as others reach it:"
                " certificates carry it"
            )
        return value

    @field_validator("tls_ports", "tcp_ports", "udp_ports")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        fixed = [port for port in value if port]
        if len(fixed) != len(set(fixed)):
            raise ValueError("the same port stands there twice")
        return value

    @field_validator("key_encryption_key_file", "pkcs11_module", "pkcs11_pin_file")
    @classmethod
    def _absolute_or_none(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        """Module and token belong together; a key beside what it encrypts protects nothing."""
        secret, faults = self.key_encryption_key_file, []
        both = {port for port in self.tls_ports if port} & set(self.tcp_ports)
        faults += [f"port {port} cannot be both TLS and plain TCP" for port in sorted(both)]
        if (self.pkcs11_module is None) != (self.pkcs11_token == ""):
            faults.append("pkcs11_module and pkcs11_token go together")
        if self.pkcs11_pin_file is not None and self.pkcs11_module is None:
            faults.append("pkcs11_pin_file is for a pkcs11_module")
        if secret is not None and secret.resolve().is_relative_to(self.home.resolve()):
            faults.append("key_encryption_key_file must lie outside the home")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    @property
    def database_url(self) -> str:
        """Where control state lives: the URL given, else a SQLite file in the home."""
        return self.database or f"sqlite:///{self.home / 'sealwire.db'}"


def checked_config(**values: object) -> NodeConfig:
    """Validate settings given as values. Raises RefusedError ``config.invalid`` with all faults."""
    try:
        return NodeConfig.model_validate(values)
    except ValidationError as error:
        findings = [
            Finding(
                code="config.invalid",
                severity=Severity.ERROR,
                message=_place(fault["loc"]) + fault["msg"].removeprefix("Value error, "),
                subject=".".join(str(part) for part in fault["loc"]),
            )
            for fault in error.errors(include_url=False)
        ]
        raise RefusedError(
            "config.invalid",
            "the configuration does not hold: " + "; ".join(f.message for f in findings),
            hint="every key is described in the manual; unknown keys are refused",
            findings=findings,
        ) from error


def _place(location: tuple[int | str, ...]) -> str:
    """What a fault is about, if it is about one setting."""
    return f"{'.'.join(str(part) for part in location)}: " if location else ""


def remembered_settings(path: Path) -> dict[str, object]:
    """What a node wrote down at its last start, unchecked; nothing when it never ran.

    Raises RefusedError ``config.damaged``.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise RefusedError(
            "config.damaged",
            f"{path} is damaged",
            hint="`sealwire up` and `sealwire serve` write it anew",
        )
    return document


def read_config(path: Path) -> NodeConfig:
    """Read ``node.toml``. UsageError when it cannot be read, RefusedError when it is wrong."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError("config.unreadable", f"cannot read {path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("config.unreadable", f"{path} is not TOML: {error}") from error
    return checked_config(**document)
