"""Where the sensor listens, and whose certificates it accepts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cryptography import x509

from sealwire.audit.events import EventName
from sealwire.errors import Finding, NotFoundError, RefusedError, Severity
from sealwire.sensor.installation import SensorCases
from sealwire.sensor.receiving import ClientCertificate
from sealwire.x509.certificate import certificate_pem, certificate_sha256, is_ca
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.sensor.ports import SensorTx
    from sealwire.sensor.receiving import ListenerState


class ListeningCases(SensorCases):
    """Listeners, the client certificate mode, trust anchors."""

    def listeners(self) -> Sequence[ListenerState]:
        """TLS ports, then plain TCP and UDP, each in the order of the configuration."""
        return self._receivers.listeners()

    @property
    def legacy_cbc(self) -> bool:
        """Whether TLS ports offer TLS_RSA_WITH_AES_128_CBC_SHA too, for old senders."""
        return self._legacy_cbc

    def client_certificate(self) -> ClientCertificate:
        """Whether senders must show a certificate."""
        default_trust = self._default_trust()
        return self._store.read(lambda tx: self._mode(tx, self._trust(tx, default_trust)))

    def set_client_certificate(self, actor: str, mode: ClientCertificate) -> None:
        """Choose it, for new connections.

        Raises RefusedError ``listener.no_anchors``: without an anchor every certificate would be
        refused.
        """
        default_trust = self._default_trust()

        def use_case(tx: SensorTx) -> None:
            trust = self._trust(tx, default_trust)
            before = self._mode(tx, trust)
            _check_anchored(mode, trust)
            tx.put_setting(self._setting("client_certificate"), json.dumps(mode.value))
            details = {"client_certificate": mode.value, "before": before.value}
            self._changed(tx, EventName.LISTENER_CHANGE, actor, "client-certificate", details)

        self._store.run(use_case)
        self.reload()

    def trust_anchors(self) -> Sequence[x509.Certificate]:
        """Whose signatures on senders' certificates are accepted."""
        default_trust = self._default_trust()
        return _certificates(self._store.read(lambda tx: self._trust(tx, default_trust)))

    def add_trust_anchors(self, actor: str, pem: bytes) -> Sequence[x509.Certificate]:
        """Accept what these CAs sign, root or not; the present anchors stay. Returns the new ones.

        Raises RefusedError ``trust.invalid`` when there is no certificate, or one is no CA's.
        """
        given = _given_anchors(pem)
        default_trust = self._default_trust()

        def use_case(tx: SensorTx) -> Sequence[x509.Certificate]:
            present = _certificates(self._trust(tx, default_trust))
            fresh = [one for one in given if one not in present]
            self._put_trust(tx, [*present, *fresh])
            for one in fresh:
                self._changed(tx, EventName.TRUST_CHANGE, actor, "add", _details(one))
            return fresh

        added = self._store.run(use_case)
        self.reload()
        return added

    def remove_trust_anchor(self, actor: str, sha256: str) -> None:
        """No longer accept what this CA signs.

        Raises NotFoundError ``trust.unknown``, RefusedError ``listener.no_anchors`` for the last
        one while certificates are wanted or required.
        """
        default_trust = self._default_trust()
        wanted = sha256.replace(":", "").lower()

        def use_case(tx: SensorTx) -> None:
            trust = self._trust(tx, default_trust)
            present = _certificates(trust)
            removed = [one for one in present if certificate_sha256(one) == wanted]
            if not removed:
                raise NotFoundError("trust.unknown", "there is no such anchor")
            left = [one for one in present if one not in removed]
            _check_anchored(self._mode(tx, trust), left)
            self._put_trust(tx, left)
            self._changed(tx, EventName.TRUST_CHANGE, actor, "remove", _details(removed[0]))

        self._store.run(use_case)
        self.reload()

    def _put_trust(self, tx: SensorTx, anchors: Sequence[x509.Certificate]) -> None:
        pems = [certificate_pem(anchor).decode("ascii") for anchor in anchors]
        tx.put_setting(self._setting("trust_anchors"), json.dumps(pems))


def _certificates(pems: Sequence[str]) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates("".join(pems).encode("ascii")) if pems else []


def _given_anchors(pem: bytes) -> list[x509.Certificate]:
    try:
        given = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise RefusedError(
            "trust.invalid",
            "these are no certificates in PEM",
            hint="a PEM file begins with -----BEGIN CERTIFICATE-----",
        ) from error
    findings = [
        Finding(
            "trust.not_a_ca",
            Severity.ERROR,
            "this certificate is not a CA's",
            dn_text(one.subject),
        )
        for one in given
        if not is_ca(one)
    ]
    if findings:
        raise RefusedError(
            "trust.invalid",
            "an anchor must be a CA's certificate: "
            + "; ".join(str(finding.subject) for finding in findings),
            findings=findings,
        )
    return given


def _details(anchor: x509.Certificate) -> dict[str, str]:
    return {"subject": dn_text(anchor.subject), "sha256": certificate_sha256(anchor)}


def _check_anchored(mode: ClientCertificate, anchors: Sequence[object]) -> None:
    if mode is not ClientCertificate.OFF and not anchors:
        raise RefusedError(
            "listener.no_anchors",
            f"with client certificates {mode.value} and no trust anchor, none would be accepted",
            hint="add the CA that signs the senders' certificates: sealwire sensor trust add",
        )
