"""What the CA issues, judged by OpenSSL's own command."""

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.ca.profiles import shipped_profiles
from sealwire.ca.service import CertificateAuthority
from sealwire.ca.setup import SetupPlan
from sealwire.ca.software_keys import SoftwareKeys
from sealwire.clock import SystemClock, SystemRandom
from sealwire.stores.keyfiles import KeyFiles
from sealwire.stores.memory import MemoryStore
from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, generate_key
from sealwire.x509.subject import parse_dn

OPENSSL = shutil.which("openssl")


def openssl(*arguments: str | Path) -> str:
    if OPENSSL is None:
        pytest.fail("openssl is not installed; Debian's package is called openssl")
    done = subprocess.run(
        [OPENSSL, *map(str, arguments)], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def new_ca(tmp_path: Path, key_type: KeyType) -> tuple[CertificateAuthority, str]:
    clock = SystemClock()
    ca = CertificateAuthority(
        MemoryStore(),
        SoftwareKeys(KeyFiles(tmp_path / "keys")),
        Recorder(clock, "ca.example.com", AuditFormat.V10_4_5, "0.1.0"),
        profiles=shipped_profiles(),
        clock=clock,
        random=SystemRandom(),
    )
    made = ca.initialise(SetupPlan(key_type=key_type, organization="Example"))
    (tmp_path / "root.pem").write_text(ca.roots_pem())
    (tmp_path / "chain.pem").write_text(ca.chain_pem())
    return ca, made.agent_pem


@pytest.mark.parametrize("ca_key", [KeyType.P256, KeyType.P384, KeyType.RSA2048])
def test_openssl_verifies_what_every_profile_issues(tmp_path: Path, ca_key: KeyType) -> None:
    ca, agent_pem = new_ca(tmp_path, ca_key)
    (tmp_path / "agent.pem").write_text(agent_pem)
    leaves = {"agent": ("sslclient", None)}
    for profile_id, key_type, purpose in (
        ("caServerCert", KeyType.RSA2048, "sslserver"),
        ("caAuditServerCert", KeyType.P256, "sslserver"),
        ("caAuditClientCert", KeyType.P384, "sslclient"),
    ):
        csr = build_csr(generate_key(key_type), parse_dn("CN=a.example.com,O=Example"), ())
        request = ca.submit(profile_id, csr, actor="anybody", remote_address="192.0.2.9")
        done = ca.approve(request.request_id, actor="caadmin")
        certificate = x509.load_der_x509_certificate(ca.certificate(done.serial or 0).der)
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        (tmp_path / f"{profile_id}.pem").write_bytes(pem)
        leaves[profile_id] = (purpose, "a.example.com")
    for leaf, (purpose, host) in leaves.items():
        path = tmp_path / f"{leaf}.pem"
        trust = ("-CAfile", tmp_path / "root.pem", "-untrusted", tmp_path / "chain.pem")
        named = ("-verify_hostname", host) if host else ()
        arguments = ("-x509_strict", "-purpose", purpose, *trust, *named, path)
        assert openssl("verify", *arguments).endswith(": OK\n")
    assert "CA:TRUE" not in openssl("x509", "-in", tmp_path / "caServerCert.pem", "-noout", "-text")
