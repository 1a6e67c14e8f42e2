"""Requests made by other programs are read here, and ours are read by them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sealwire.x509.csr import build_csr, describe_csr
from sealwire.x509.keys import KeyType, generate_key
from sealwire.x509.subject import SubjectFields, subject_name

HOST = "gw.example.com"
EASYRSA = Path("/usr/share/easy-rsa/easyrsa")


def run(*command: object, folder: Path, **environment: str) -> str:
    words = [str(word) for word in command]
    assert shutil.which(words[0]), f"{words[0]} is needed: see tools/debian/test.list"
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def by_openssl(folder: Path) -> Path:
    run(
        *("openssl", "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", "k.pem"),
        *("-out", "r.csr", "-subj", f"/C=US/ST=Texas/O=Example/OU=Ops/CN={HOST}"),
        *("-addext", f"subjectAltName=DNS:{HOST}"),
        folder=folder,
    )
    return folder / "r.csr"


def by_certtool(folder: Path) -> Path:
    template = f'cn = "{HOST}"\norganization = "Example"\ncountry = US\ndns_name = "{HOST}"\n'
    (folder / "template").write_text(template + "tls_www_server\n")
    run("certtool", "--generate-privkey", "--ecc", "--outfile", "k.pem", folder=folder)
    run(
        *("certtool", "--generate-request", "--load-privkey", "k.pem"),
        *("--template", "template", "--outfile", "r.csr"),
        folder=folder,
    )
    return folder / "r.csr"


def by_certutil(folder: Path) -> Path:
    (folder / "noise").write_bytes(b"not secret, but a test" * 100)
    database = f"sql:{folder}"
    run("certutil", "-N", "-d", database, "--empty-password", folder=folder)
    run(
        *("certutil", "-R", "-d", database, "-s", f"CN={HOST},O=Example,C=US", "-8", HOST),
        *("-k", "rsa", "-g", 2048, "-z", "noise", "-a", "-o", "r.csr"),
        folder=folder,
    )
    return folder / "r.csr"


def by_easyrsa(folder: Path) -> Path:
    settings = {"EASYRSA": str(EASYRSA.parent), "EASYRSA_PKI": str(folder / "pki")}
    settings |= {"EASYRSA_BATCH": "1", "EASYRSA_REQ_CN": HOST}
    assert EASYRSA.exists(), "easy-rsa is needed: see tools/debian/test.list"
    run(EASYRSA, "init-pki", folder=folder, **settings)
    run(EASYRSA, "gen-req", "gw", "nopass", folder=folder, **settings)
    return folder / "pki" / "reqs" / "gw.req"


@pytest.mark.parametrize("make", [by_openssl, by_certtool, by_certutil, by_easyrsa])
def test_we_read_the_requests_of_others(make: object, tmp_path: Path) -> None:
    assert callable(make)
    request = describe_csr(make(tmp_path).read_bytes())
    assert [f.message for f in request.findings if f.severity == "error"] == []
    assert request.ok
    assert f"CN={HOST}" in request.subject
    assert request.names in {(HOST,), ()}


@pytest.mark.parametrize("kind", list(KeyType))
def test_others_read_ours(kind: KeyType, tmp_path: Path) -> None:
    fields = SubjectFields("US", "TX", "Austin", "Example, Inc.", "Ops", HOST)
    file = tmp_path / "gw.csr"
    file.write_bytes(build_csr(generate_key(kind), subject_name(fields), ["10.0.0.1"]))
    said = run("openssl", "req", "-verify", "-noout", "-text", "-in", file, folder=tmp_path)
    assert "verify OK" in said
    said = run("certtool", "--crq-info", "--infile", file, folder=tmp_path)
    assert "Self signature: verified" in said
    assert f"DNSname: {HOST}" in said
    assert "IPAddress: 10.0.0.1" in said
