"""A certificate of our own CA is followed by the next one before it ends.

At two thirds of its lifetime a new key and a CSR for the same names are made, and the CSR is
submitted under the profile of the old certificate; who must agree is the profile's rule, as for
every request. Once the certificate is there it is installed. Nothing is done twice: what was asked
for is remembered beside the certificate that it is to follow.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from sealwire.audit.events import SYSTEM
from sealwire.identity.expiry import RENEWAL_DUE
from sealwire.identity.lifecycle import leaf_of
from sealwire.x509.certificate import certificate_names, certificate_sha256
from sealwire.x509.keys import KeyType
from sealwire.x509.subject import SubjectFields

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from cryptography import x509

    from sealwire.audit.ports import SettingsTx, Store
    from sealwire.clock import Clock
    from sealwire.identity.installed import CheckedIdentity
    from sealwire.identity.ports import InstalledIdentity, PendingCsr


class Answer(StrEnum):
    """What became of a request at the CA."""

    WAITING = "waiting"
    ISSUED = "issued"
    REFUSED = "refused"


class Issuer(Protocol):
    """The node's own CA, as a subscriber sees it."""

    def profile_of(self, leaf: x509.Certificate) -> str | None:
        """Under which profile it issued this certificate; None when it did not."""
        ...

    def submit(self, profile_id: str, csr_pem: str) -> int:
        """The request's number."""
        ...

    def answer(self, request_id: int) -> Answer:
        """What became of it. Raises NotFoundError ``request.unknown``."""
        ...

    def files(self, request_id: int) -> Sequence[tuple[str, bytes]]:
        """Certificate and chain of an issued one."""
        ...


class End(Protocol):
    """One end whose certificate is renewed (see ``IdentityLifecycle``)."""

    @property
    def identity(self) -> str:
        """Its name."""
        ...

    def current(self) -> InstalledIdentity | None:
        """What is installed."""
        ...

    def csr(
        self, actor: str, subject: SubjectFields, names: Sequence[str], key_type: KeyType
    ) -> PendingCsr:
        """A new key and a CSR."""
        ...

    def install(
        self, actor: str, blobs: Sequence[tuple[str, bytes]]
    ) -> tuple[InstalledIdentity, CheckedIdentity]:
        """Put what came back into use."""
        ...


@dataclass(frozen=True, slots=True)
class Asked:
    """The request that is to follow the certificate ``after`` (SHA-256)."""

    after: str
    request_id: int
    answer: str = Answer.WAITING


class Renewals:
    """Renews certificates of one issuer. One caller at a time."""

    def __init__(self, store: Store[SettingsTx], issuer: Issuer, clock: Clock) -> None:
        self._store = store
        self._issuer = issuer
        self._clock = clock

    def tend(self, end: End) -> Asked | None:
        """Take the next step for one end, if there is one; what is asked for now.

        Raises what the end or the issuer raises; the next call takes the same step again.
        """
        installed = end.current()
        if installed is None:
            return None
        leaf = leaf_of(installed)
        asked = self.asked(end)
        if asked is not None and asked.after == certificate_sha256(leaf):
            return self._follow(end, asked)
        if not renewal_is_due(leaf, self._clock.now()):
            return None
        profile_id = self._issuer.profile_of(leaf)
        return None if profile_id is None else self._ask(end, leaf, profile_id)

    def asked(self, end: End) -> Asked | None:
        """What was asked for last."""
        document = self._store.read(lambda tx: tx.setting(_setting(end)))
        return None if document is None else Asked(**json.loads(document))

    def _ask(self, end: End, leaf: x509.Certificate, profile_id: str) -> Asked:
        pending = end.csr(SYSTEM, same_subject(leaf), same_names(leaf), same_key_type(leaf))
        request_id = self._issuer.submit(profile_id, pending.csr_pem)
        return self._remember(end, Asked(certificate_sha256(leaf), request_id))

    def _follow(self, end: End, asked: Asked) -> Asked:
        if asked.answer != Answer.WAITING:
            return asked
        answer = self._issuer.answer(asked.request_id)
        if answer is Answer.ISSUED:
            end.install(SYSTEM, self._issuer.files(asked.request_id))
        if answer is Answer.WAITING:
            return asked
        return self._remember(end, Asked(asked.after, asked.request_id, answer))

    def _remember(self, end: End, asked: Asked) -> Asked:
        document = json.dumps(asdict(asked))
        self._store.run(lambda tx: tx.put_setting(_setting(end), document))
        return asked


def _setting(end: End) -> str:
    return f"renewal.{end.identity}"


def renewal_is_due(leaf: x509.Certificate, now: datetime) -> bool:
    """Whether two thirds of its lifetime are over."""
    begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    return now >= begin + (end - begin) * RENEWAL_DUE


def same_subject(leaf: x509.Certificate) -> SubjectFields:
    """The fields of a CSR form, as the certificate has them."""

    def first(oid: x509.ObjectIdentifier) -> str:
        found = leaf.subject.get_attributes_for_oid(oid)
        return str(found[0].value) if found else ""

    return SubjectFields(
        country=first(NameOID.COUNTRY_NAME),
        state=first(NameOID.STATE_OR_PROVINCE_NAME),
        locality=first(NameOID.LOCALITY_NAME),
        organization=first(NameOID.ORGANIZATION_NAME),
        unit=first(NameOID.ORGANIZATIONAL_UNIT_NAME),
        common_name=first(NameOID.COMMON_NAME),
    )


def same_names(leaf: x509.Certificate) -> tuple[str, ...]:
    """Host names and addresses besides the common name."""
    return certificate_names(leaf)


def same_key_type(leaf: x509.Certificate) -> KeyType:
    """The kind of key that it has, or the nearest that is made here."""
    key = leaf.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        sizes = {2048: KeyType.RSA2048, 3072: KeyType.RSA3072}
        return sizes.get(key.key_size, KeyType.RSA4096)
    is_p256 = isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == ec.SECP256R1.name
    return KeyType.P256 if is_p256 else KeyType.P384
