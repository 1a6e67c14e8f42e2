"""CRLs and OCSP of a real node, judged by OpenSSL and GnuTLS."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sealwire.bootstrap.client import home_client
from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, generate_key
from sealwire.x509.subject import parse_dn
from tests.flow.authority import LOOPBACK
from tests.flow.node import Node
from tests.flow.peers import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PUBLIC_URL = "http://pki.example.test"
SOON = 10.0
"""Seconds within which a revocation is in the CRL, on a busy machine too."""


def tool(name: str, *arguments: str | Path, package: str, expect: int = 0) -> str:
    """A judge's verdict: what it printed."""
    program = shutil.which(name)
    if program is None:
        pytest.fail(f"{name} is not installed; Debian's package is called {package}")
    done = subprocess.run(
        [program, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        stdin=subprocess.DEVNULL,
    )
    said = done.stdout + done.stderr
    assert done.returncode == expect, said
    return said


def openssl(*arguments: str | Path, expect: int = 0) -> str:
    return tool("openssl", *arguments, package="openssl", expect=expect)


def state_of(node: Node) -> dict[str, Any]:
    """Where it listens."""
    state: dict[str, Any] = json.loads((node.home / "run" / "node.json").read_text())
    return state


@dataclass(frozen=True)
class Ca:
    """A running node's CA, and files for the judges."""

    node: Node
    folder: Path
    url: str

    def call(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        with home_client(self.node.home) as client:
            return client.call(method, f"/api/v1/ca{path}", **arguments)

    def issue(self, name: str) -> int:
        """A new certificate, as ``NAME.pem``; its serial number."""
        csr = build_csr(generate_key(KeyType.P256), parse_dn(f"CN={name}.example.test"), ())
        body = {"profile": "caAuditServerCert", "csr": csr.decode()}
        made = self.call("POST", "/requests", json=body)
        done = self.call("POST", f"/requests/{made['id']}/approve", json={})
        issued = self.call("GET", f"/certificates/{done['serial']}")
        (self.folder / f"{name}.pem").write_text(issued["pem"])
        return int(done["serial"])

    def fetch(self, path: str) -> bytes:
        return httpx.get(self.url + path, timeout=10).raise_for_status().content

    def fetch_crls(self) -> Path:
        """Both CRLs as they are now, PEM, in one file."""
        both = self.folder / "crls.pem"
        crls = [x509.load_der_x509_crl(self.fetch(f"/crl/{name}.crl")) for name in ("ca", "root")]
        both.write_bytes(b"".join(crl.public_bytes(Encoding.PEM) for crl in crls))
        return both

    def wait_for_crl(self, serial: int, *, there: bool = True) -> None:
        def seen() -> bool:
            crl = x509.load_der_x509_crl(self.fetch("/crl/ca.crl"))
            return (crl.get_revoked_certificate_by_serial_number(serial) is not None) is there

        wait_until(seen, "the CRL that says so", SOON)

    def ocsp(self, *options: str | Path, expect: int = 0) -> str:
        """What ``openssl ocsp`` says, its verdict on the answer's signature included."""
        verify = ("-issuer", self.folder / "issuing.pem", "-CAfile", self.folder / "root.pem")
        chain = ("-verify_other", self.folder / "issuing.pem", "-url", f"{self.url}/ocsp")
        return openssl("ocsp", *verify, *chain, *options, expect=expect)


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ca]:
    folder = tmp_path_factory.mktemp("status")
    options = ("--public-url", PUBLIC_URL, "--roles", "ca")
    with Node(folder / "home", options=options) as node:
        made = Ca(node, folder, f"http://{LOOPBACK}:{state_of(node)['http_port']}")
        issuing, *_, root = x509.load_pem_x509_certificates(node.run("ca", "chain").encode("ascii"))
        (folder / "issuing.pem").write_bytes(issuing.public_bytes(Encoding.PEM))
        (folder / "root.pem").write_bytes(root.public_bytes(Encoding.PEM))
        yield made


@pytest.fixture(scope="module")
def good(ca: Ca) -> int:
    return ca.issue("good")


@pytest.fixture(scope="module")
def revoked(ca: Ca) -> int:
    serial = ca.issue("revoked")
    words = ("ca", "revoke", hex(serial), "--reason", "key_compromise", "--comments", "lost")
    made = ca.node.json(*words)
    assert (made["status"], made["revocation_reason"]) == ("REVOKED", "Key_Compromise")
    return serial


@pytest.mark.usefixtures("good")
def test_a_certificate_says_where_its_status_is(ca: Ca) -> None:
    text = openssl("x509", "-in", ca.folder / "good.pem", "-noout", "-text")
    assert f"OCSP - URI:{PUBLIC_URL}/ocsp" in text
    assert f"CA Issuers - URI:{PUBLIC_URL}/ca.crt" in text
    assert f"URI:{PUBLIC_URL}/crl/ca.crl" in text
    shown = ca.node.json("ca", "crl", "show")["entries"]
    assert {each["name"]: each["url"] for each in shown} == {
        "ca": f"{PUBLIC_URL}/crl/ca.crl",
        "root": f"{PUBLIC_URL}/crl/root.crl",
    }


def test_openssl_ocsp(ca: Ca, good: int, revoked: int) -> None:
    # SHA-256 is said before the certificate that it is for.
    said = ca.ocsp(
        *("-cert", ca.folder / "good.pem", "-sha256", "-cert", ca.folder / "revoked.pem"),
        *("-serial", "0x1234"),
    )
    assert "Response verify OK" in said
    assert "WARNING" not in said, "no nonce in the answer"
    assert f"{ca.folder / 'good.pem'}: good" in said
    assert f"{ca.folder / 'revoked.pem'}: revoked" in said
    assert "Reason: keyCompromise" in said
    assert "0x1234: unknown" in said


@pytest.mark.usefixtures("good")
def test_openssl_ocsp_without_a_nonce_and_of_a_foreign_ca(ca: Ca) -> None:
    said = ca.ocsp("-no_nonce", "-cert", ca.folder / "good.pem", "-resp_text")
    assert "Response verify OK" in said
    assert "OCSP Signing" in said
    assert "OCSP No Check" in said
    foreign = openssl(
        *("ocsp", "-issuer", ca.folder / "root.pem", "-cert", ca.folder / "issuing.pem"),
        *("-url", f"{ca.url}/ocsp", "-CAfile", ca.folder / "root.pem"),
        expect=1,
    )
    assert "unauthorized (6)" in foreign


@pytest.mark.usefixtures("good")
def test_openssl_verifies_the_whole_chain_with_both_crls(ca: Ca, revoked: int) -> None:
    ca.wait_for_crl(revoked)
    both = ca.fetch_crls()
    trust = ("-CAfile", ca.folder / "root.pem", "-untrusted", ca.folder / "issuing.pem")
    checks = ("-crl_check_all", "-CRLfile", both, "-x509_strict")
    assert ": OK" in openssl("verify", *trust, *checks, ca.folder / "good.pem")
    said = openssl("verify", *trust, *checks, ca.folder / "revoked.pem", expect=2)
    assert "certificate revoked" in said
    for name, signer in (("ca", "issuing"), ("root", "root")):
        path = ca.folder / f"{name}.crl"
        path.write_bytes(ca.fetch(f"/crl/{name}.crl"))
        arguments = ("-inform", "DER", "-in", path, "-CAfile", ca.folder / f"{signer}.pem")
        text = openssl("crl", *arguments, "-verify", "-text", "-noout")
        assert "verify OK" in text
        assert "X509v3 CRL Number" in text


@pytest.mark.usefixtures("good")
def test_gnutls_judges_crl_and_ocsp_alike(ca: Ca, revoked: int) -> None:
    ca.wait_for_crl(revoked)
    path = ca.folder / "gnutls.crl"
    # certtool reads the certificate in the same encoding as the CRL.
    path.write_bytes(x509.load_der_x509_crl(ca.fetch("/crl/ca.crl")).public_bytes(Encoding.PEM))
    info = tool("certtool", "--crl-info", "--infile", path, package="gnutls-bin")
    assert f"Serial Number (hex): {revoked:040x}" in info or f"{revoked:x}" in info
    verdict = tool(
        *("certtool", "--verify-crl", "--infile", path),
        *("--load-ca-certificate", ca.folder / "issuing.pem"),
        package="gnutls-bin",
    )
    assert "Verified" in verdict
    for name, status in (("good", "good"), ("revoked", "revoked")):
        said = tool(
            *("ocsptool", f"--ask={ca.url}/ocsp", "--load-cert", ca.folder / f"{name}.pem"),
            *("--load-issuer", ca.folder / "issuing.pem"),
            *("--load-trust", ca.folder / "issuing.pem", "--nonce"),
            package="gnutls-bin",
        )
        assert f"Certificate Status: {status}" in said
        assert "Verifying OCSP Response: Success" in said


def test_on_hold_and_off_again_by_command(ca: Ca) -> None:
    serial = ca.issue("held")
    assert "on hold" in ca.node.run("ca", "hold", str(serial), "--comments", "where is it?")
    ca.wait_for_crl(serial)
    assert "Reason: certificateHold" in ca.ocsp("-cert", ca.folder / "held.pem")
    listed = ca.node.json("ca", "certificates", "--status", "revoked", "--cn", "held")
    assert [each["serial"] for each in listed["entries"]] == [str(serial)]
    assert "VALID" in ca.node.run("ca", "release", str(serial))
    assert ": good" in ca.ocsp("-cert", ca.folder / "held.pem")
    ca.wait_for_crl(serial, there=False)
    ca.node.run("ca", "release", str(serial), expect=2)


def test_an_agents_revoked_certificate_ends_a_standing_connection(ca: Ca) -> None:
    credentials = ca.node.home / "credentials"
    agent = x509.load_pem_x509_certificate((credentials / "caadmin.pem").read_bytes())
    context = ssl.create_default_context(cafile=credentials / "ca-roots.pem")
    context.load_cert_chain(credentials / "caadmin.pem")
    with httpx.Client(verify=context, base_url=state_of(ca.node)["console_url"]) as client:

        def status() -> int:
            return client.get("/api/v1/ca/requests").status_code

        assert status() == 200
        ca.call("POST", f"/certificates/{agent.serial_number}/hold", json={})
        assert status() == 401
        ca.call("POST", f"/certificates/{agent.serial_number}/release", json={})
        assert status() == 200


@pytest.mark.usefixtures("good", "revoked")
def test_everything_that_was_done_fits_together(ca: Ca) -> None:
    found = ca.node.json("ca", "reconcile")
    assert (found["ok"], found["findings"]) == (True, [])
    assert found["status_changes"] >= 1


def test_pkilint_finds_no_error(ca: Ca, revoked: int) -> None:
    ca.wait_for_crl(revoked)
    lint = [sys.executable, "-m"]
    for name, kind in (("ca", "CRL"), ("root", "ARL")):
        path = ca.folder / f"lint-{name}.crl"
        path.write_bytes(ca.fetch(f"/crl/{name}.crl"))
        judge = [*lint, "pkilint.bin.lint_crl", "lint", "-t", kind, "-p", "PKIX", str(path)]
        require_clean(judge)
    for name in ("good", "revoked"):
        path = ca.folder / f"{name}.ocsp"
        ca.ocsp("-no_nonce", "-cert", ca.folder / f"{name}.pem", "-respout", path)
        require_clean([*lint, "pkilint.bin.lint_ocsp_response", "lint", str(path)])


def require_clean(judge: list[str]) -> None:
    done = subprocess.run(judge, capture_output=True, text=True, check=False, timeout=60)
    assert "Traceback" not in done.stderr, done.stderr
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stdout + done.stderr
