from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from sealwire.audit.formats import AuditFormat
from sealwire.config.home import default_home
from sealwire.config.node import NodeConfig, checked_config, own_host_name, read_config
from sealwire.config.receiving import ReceivingSettings
from sealwire.errors import RefusedError
from sealwire.x509.hostnames import is_host


def faults(**values: object) -> dict[str | None, str]:
    with pytest.raises(RefusedError) as caught:
        checked_config(**values)
    assert caught.value.code == "config.invalid"
    return {finding.subject: finding.message for finding in caught.value.findings}


def test_defaults() -> None:
    config = checked_config(home="/srv/node")
    assert config.roles == {"ca", "appliance", "sensor"}
    assert (config.console_port, config.http_port, config.tls_ports) == (8443, 8080, (6514, 6515))
    assert config.audit_format is AuditFormat.V10_4_5
    assert config.database_url == "sqlite:////srv/node/sealwire.db"
    assert checked_config(database="postgresql://u@h/d").database_url == "postgresql://u@h/d"


@pytest.mark.parametrize("host", ["localhost:8080", "pki", "[::1", ":8080", "/x"])
def test_a_public_url_that_no_certificate_can_carry(host: str) -> None:
    assert "full host name" in faults(public_url=f"http://{host}")["public_url"]


@pytest.mark.parametrize("host", ["pki.example.com:8080", "192.0.2.1", "[2001:db8::1]:8080"])
def test_a_public_url_others_can_reach(host: str) -> None:
    assert checked_config(public_url=f"http://{host}").public_url == f"http://{host}"


def test_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEALWIRE_HOME", "/srv/elsewhere")
    assert default_home() == Path("/srv/elsewhere")
    monkeypatch.setenv("SEALWIRE_HOME", "")
    monkeypatch.setenv("HOME", "/home/ada")
    assert default_home() == Path("/home/ada/.local/share/sealwire")
    assert checked_config(home="~/node").home == Path("/home/ada/node")
    assert checked_config(home="node").home == Path.cwd() / "node"


def test_every_fault_is_found_at_once() -> None:
    found = faults(
        console_port=70_000,
        tls_ports=(6514, 6514),
        roles=["ca", "king"],
        unit="Unit 1",
        audit_format="12",
        surprise=1,
    )
    assert set(found) == {
        "console_port",
        "tls_ports",
        "roles.1",
        "unit",
        "audit_format",
        "surprise",
    }
    assert found["tls_ports"] == "tls_ports: the same port stands there twice"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Node.Example.COM", "node.example.com"),
        ("B\u00fccher.example", "xn--bcher-kva.example"),
        ("192.0.2.7", "192.0.2.7"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("localhost", "localhost"),
    ],
)
def test_a_host_name_has_one_spelling(given: str, kept: str) -> None:
    assert checked_config(host_name=given).host_name == kept


@pytest.mark.parametrize(
    "given",
    ["", "a b", "my_node", "a..b", "*.example.com", "a.example.com\n", "x\0", "1.2.3", "a" * 254],
)
def test_what_is_no_host_name_is_refused_here_already(given: str) -> None:
    assert set(faults(host_name=given)) == {"host_name"}


def test_the_machines_own_name_is_always_one() -> None:
    assert is_host(own_host_name())
    assert NodeConfig().host_name == own_host_name()


def test_port_0_may_stand_there_twice() -> None:
    assert checked_config(tls_ports=(0, 0)).tls_ports == (0, 0)
    assert set(faults(tls_ports=())) == {"tls_ports"}


def test_plain_ports_are_off_and_keep_out_of_the_way_of_tls() -> None:
    assert (NodeConfig().tcp_ports, NodeConfig().udp_ports, NodeConfig().legacy_cbc) == (
        (),
        (),
        False,
    )
    config = checked_config(tls_ports=(6514, 0), tcp_ports=(601, 0), udp_ports=(514, 6514))
    assert (config.tcp_ports, config.udp_ports) == ((601, 0), (514, 6514))
    (found,) = faults(tls_ports=(6514,), tcp_ports=(6514,)).values()
    assert "port 6514 cannot be both TLS and plain TCP" in found
    assert set(faults(tcp_ports=(1470, 1470), udp_ports=(70_000,))) == {"tcp_ports", "udp_ports.0"}


def test_limits_of_receiving_are_checked_and_unknown_ones_refused(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text("[receiving]\nconnections_per_source = 10\nidle_seconds = 0\n")
    settings = read_config(file).receiving
    assert (settings.connections_per_source, settings.idle_seconds) == (10, 0)
    assert settings.connections == ReceivingSettings().connections
    wrong = {"max_message": 100, "message_seconds": -1, "handshake_seconds": 0, "surprise": 1}
    assert set(faults(receiving=wrong)) == {f"receiving.{name}" for name in wrong}
    (found,) = faults(receiving={"connections": 5, "handshakes": 6}).values()
    assert "connections_per_source is more than connections" in found
    assert "handshakes_per_source is more than handshakes" in found


def test_the_manual_shows_the_limits_that_hold() -> None:
    manual = Path(__file__).resolve().parents[3] / "docs" / "receiving.md"
    block = manual.read_text().split("```toml\n")[1].split("```")[0]
    assert tomllib.loads(block) == {"receiving": ReceivingSettings().model_dump()}


def test_what_keys_need_goes_together() -> None:
    home = "/srv/sealwire"
    with pytest.raises(RefusedError) as refused:
        checked_config(
            home=home,
            pkcs11_token="t",
            pkcs11_pin_file="/p",
            key_encryption_key_file=f"{home}/x/../k",
        )
    for text in ("go together", "is for a pkcs11_module", "outside the home"):
        assert text in refused.value.message
    kept = checked_config(
        home=home, pkcs11_module="/m.so", pkcs11_token="t", key_encryption_key_file="/k"
    )
    again = checked_config(**json.loads(kept.model_dump_json()))
    assert again == kept
    assert checked_config(home=home).pkcs11_module is None
