"""``up``, ``serve`` and ``demo``: commands that run a node."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sealwire.cli.outcome import STOPPED, outcome_of
from sealwire.cli.session import HomeOption, home_path
from sealwire.errors import UsageError

DatabaseOption = Annotated[
    str,
    typer.Option(
        envvar="SEALWIRE_DATABASE",
        help="SQL URL, e.g. postgresql://user@host/name (default: a file in the home).",
    ),
]

KeyEncryptionKeyFile = Annotated[
    Path | None,
    typer.Option(
        envvar="SEALWIRE_KEY_ENCRYPTION_KEY_FILE",
        help="Encrypt private keys with the secret in this file, outside the home (or in"
        " SEALWIRE_KEY_ENCRYPTION_KEY).",
    ),
]
Pkcs11Module = Annotated[
    Path | None,
    typer.Option(envvar="SEALWIRE_PKCS11_MODULE", help="The CA's keys: this PKCS#11 module ..."),
]
Pkcs11Token = Annotated[
    str, typer.Option(envvar="SEALWIRE_PKCS11_TOKEN", help="... and the token of this label.")
]
Pkcs11PinFile = Annotated[
    Path | None,
    typer.Option(
        envvar="SEALWIRE_PKCS11_PIN_FILE",
        help="File with the token's PIN (or SEALWIRE_PKCS11_PIN).",
    ),
]
TcpPorts = Annotated[
    str, typer.Option(help="Syslog over plain TCP, such as 601,602,1470; off by default.")
]
UdpPorts = Annotated[str, typer.Option(help="Syslog over UDP, such as 514; off by default.")]
LegacyCbc = Annotated[
    bool, typer.Option("--legacy-cbc", help="Offer old senders TLS_RSA_WITH_AES_128_CBC_SHA too.")
]
RoleNames = Annotated[str, typer.Option(help="What this node runs, comma separated.")]
PublicUrl = Annotated[
    str,
    typer.Option(
        help="The clear HTTP port as others reach it; certificates name CRL and OCSP there."
    ),
]


def up(
    home: HomeOption = None,
    console_port: Annotated[int, typer.Option(help="HTTPS: console and API.")] = 8443,
    http_port: Annotated[int, typer.Option(help="Clear HTTP: CA certificate, CRLs, OCSP.")] = 8080,
    tls_ports: Annotated[str, typer.Option(help="Syslog over TLS, comma separated.")] = "6514,6515",
    tcp_ports: TcpPorts = "",
    udp_ports: UdpPorts = "",
    legacy_cbc: LegacyCbc = False,
    host_name: Annotated[str, typer.Option(help="This machine's own full name.")] = "",
    listen: Annotated[str, typer.Option(help="Listen on this address only.")] = "",
    database: DatabaseOption = "",
    roles: RoleNames = "ca,appliance,sensor",
    unit: Annotated[str, typer.Option(help="The appliance unit's name.")] = "unit-1",
    audit_format: Annotated[str, typer.Option(help="10.4.4, 10.4.5 or 11.4.")] = "10.4.5",
    public_url: PublicUrl = "",
    key_encryption_key_file: KeyEncryptionKeyFile = None,
    pkcs11_module: Pkcs11Module = None,
    pkcs11_token: Pkcs11Token = "",
    pkcs11_pin_file: Pkcs11PinFile = None,
) -> int:
    """Run the CA, an appliance and a sensor in the foreground; unnamed settings have defaults."""
    from sealwire.bootstrap.launch import run_node
    from sealwire.config.node import checked_config

    settings: dict[str, object] = {
        "home": home_path(home),
        "console_port": console_port,
        "http_port": http_port,
        "tls_ports": _ports(tls_ports),
        "tcp_ports": _ports(tcp_ports),
        "udp_ports": _ports(udp_ports),
        "legacy_cbc": legacy_cbc,
        "listen": listen,
        "database": database,
        "roles": frozenset(roles.split(",")),
        "unit": unit,
        "audit_format": audit_format,
        "public_url": public_url,
        "key_encryption_key_file": key_encryption_key_file,
        "pkcs11_module": pkcs11_module,
        "pkcs11_token": pkcs11_token,
        "pkcs11_pin_file": pkcs11_pin_file,
    }
    if host_name:
        settings["host_name"] = host_name
    return run_node(checked_config(**settings))


def serve(config: Annotated[Path, typer.Option("--config", help="The node's TOML file.")]) -> int:
    """Run the roles that a configuration file names, in the foreground."""
    from sealwire.bootstrap.launch import run_node
    from sealwire.config.node import read_config

    return run_node(read_config(config))


def demo(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option("--home", help="Keep everything here (default: a new folder).")
    ] = None,
    database: DatabaseOption = "",
) -> int:
    """Walk through the whole story and check every step; exit 0 only if all of it holds."""
    from sealwire.bootstrap.demo import run_demo

    root = context.find_root().command

    def command(words: list[str]) -> int:
        code = outcome_of(root, words)
        if code == STOPPED:
            raise KeyboardInterrupt
        return code

    return run_demo(home, command, database)


def _ports(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise UsageError(
            "usage.ports", f"not a list of ports: {text}", hint="for example --tls-ports 6514,6515"
        ) from None
