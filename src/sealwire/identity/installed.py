"""The certificate in use: what may be installed, the swap, the way back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509

from sealwire.errors import ConflictError, RefusedError, SealwireError
from sealwire.identity.ports import InstalledIdentity
from sealwire.identity.remarks import other_ca
from sealwire.x509.bundle import read_bundle
from sealwire.x509.certificate import certificate_pem, is_ca, self_signed_certificate
from sealwire.x509.chain import build_chain, refusal
from sealwire.x509.diagnosis import host_faults
from sealwire.x509.findings import Code, error, info, warning
from sealwire.x509.keys import generate_key, key_id, load_private_key, private_key_pem
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from cryptography.x509 import Certificate

    from sealwire.clock import Clock, RandomSource
    from sealwire.errors import Finding
    from sealwire.identity.ports import IdentityTx, KeyStore
    from sealwire.x509.bundle import Bundle
    from sealwire.x509.certificate import Purpose
    from sealwire.x509.chain import BuiltChain
    from sealwire.x509.keys import KeyType, PrivateKey

SELF_SIGNED_LIFETIME = timedelta(days=397)
# Peers' clocks are not ours: a certificate that starts this second would be refused by some.
_BACKDATED = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class CheckedIdentity:
    """What ``check_import`` found good: the dry run's report, and all that ``install`` needs.

    ``chain_pem``: leaf first, root left out (a self-signed leaf stays). ``key_pem`` is set only
    when the key came with the import and is not in the key store yet.
    """

    identity: str
    key_id: str
    chain: BuiltChain
    chain_pem: str
    findings: tuple[Finding, ...]
    bundle: Bundle
    key_pem: bytes | None = field(default=None, repr=False)


def check_import(  # noqa: PLR0913 - what an import form holds
    tx: IdentityTx,
    keys: KeyStore,
    *,
    identity: str,
    blobs: Sequence[tuple[str, bytes]],
    key_pem: bytes | None,
    purpose: Purpose,
    host_name: str | None,
    at: datetime,
    roots: Sequence[Certificate] = (),
    password: bytes | None = None,
    others: Mapping[str, Sequence[Certificate]] | None = None,
) -> CheckedIdentity:
    """Judge files for import; changes nothing.

    The leaf is the certificate whose public key belongs to ``key_pem``, to a key among the files,
    to a pending CSR, or to the installed key, in this order. Chain, purpose and validity must be
    right; a certificate that does not cover ``host_name`` is a warning, and that ``others`` (see
    ``remarks.other_ca``) have another CA a remark. The chain may end at one
    of ``roots`` (known beforehand) or at a self-signed CA among the files, which a finding says.
    Raises RefusedError ``chain.invalid`` or ``key.*`` with all findings.
    """
    bundle = read_bundle(blobs, password)
    found = list(bundle.findings)
    key = _own_key(tx, keys, identity, bundle, key_pem, password, found)
    try:
        chain = build_chain(
            bundle.certificates,
            at=at,
            purpose=purpose,
            key=key.public_key(),
            roots=[*roots, *_own_anchors(bundle, roots)],
        )
    except RefusedError as fault:
        raise refusal([*fault.findings, *found]) from fault
    found.extend(chain.findings)
    if chain.anchor not in roots and chain.anchor is not chain.leaf:
        text = f"Trust rests on a root that came with the files: {dn_text(chain.anchor.subject)}."
        found.append(info(Code.ANCHOR_FROM_BUNDLE, text))
    if host_name is not None:
        found.extend(
            warning(Code(fault.code), fault.message, fault.subject)
            for fault in host_faults(chain.leaf, host_name)
        )
    found.extend(other_ca(chain.path, others or {}))
    identifier = key_id(key.public_key())
    return CheckedIdentity(
        identity,
        identifier,
        chain,
        chain.pem().decode("ascii"),
        tuple(found),
        bundle,
        private_key_pem(key) if identifier not in _known_keys(tx, identity) else None,
    )


def _own_anchors(bundle: Bundle, roots: Sequence[Certificate]) -> list[Certificate]:
    """Self-signed CAs among the files that are not known already."""
    return [
        certificate
        for certificate in bundle.certificates
        if certificate.subject == certificate.issuer
        and is_ca(certificate)
        and certificate not in roots
    ]


def _known_keys(tx: IdentityTx, identity: str) -> list[str]:
    """Ids of keys that are here already: pending ones, newest first, then installed ones."""
    pending = [csr.key_id for csr in reversed(tx.pending_csrs(identity))]
    installed = [generation.key_id for generation in tx.identity_history(identity)]
    return list(dict.fromkeys([*pending, *installed]))


def _own_key(
    tx: IdentityTx,
    keys: KeyStore,
    identity: str,
    bundle: Bundle,
    key_pem: bytes | None,
    password: bytes | None,
    found: list[Finding],
) -> PrivateKey:
    if key_pem is not None:
        return load_private_key(key_pem, password)
    certified = {key_id(certificate.public_key()) for certificate in bundle.certificates}
    for key in bundle.keys:
        if key_id(key.public_key()) in certified:
            return key
    if bundle.keys:
        text = "A private key among the files belongs to none of the certificates."
        found.append(info(Code.KEY_MISMATCH, text))
    for identifier in _known_keys(tx, identity):
        if identifier in certified:
            return load_private_key(keys.load_key(identifier))
    raise refusal([_no_key(tx, identity, bundle), *found])


def _no_key(tx: IdentityTx, identity: str, bundle: Bundle) -> Finding:
    if not bundle.certificates:
        return error(Code.LEAF_MISSING, "There is no certificate in the files.")
    waiting = len(tx.pending_csrs(identity))
    text = (
        "None of the certificates belongs to a key that is here: not to the installed one,"
        f" and not to the {waiting} pending request(s). Was it issued for another request?"
    )
    return error(Code.KEY_MISMATCH, text)


def install(
    tx: IdentityTx, keys: KeyStore, checked: CheckedIdentity, clock: Clock
) -> InstalledIdentity:
    """Put a checked identity into use: the next generation; its pending CSR is done with.

    The key is durable before the row exists; the swap itself is the transaction's commit.
    Raises NotFoundError ``key.unknown`` when the key is gone, ConflictError when another install
    came first.
    """
    if checked.key_pem is not None:
        keys.save_key(checked.key_id, checked.key_pem)
    else:
        keys.load_key(checked.key_id)
    installed = InstalledIdentity(
        checked.identity,
        _next_generation(tx, checked.identity),
        checked.key_id,
        checked.chain_pem,
        clock.now(),
        self_signed=len(checked.chain.path) == 1
        and checked.chain.leaf.subject == checked.chain.leaf.issuer,
        root_pem=_root_pem(checked.chain),
    )
    tx.install_identity(installed)
    tx.remove_pending_csr(checked.identity, checked.key_id)
    return installed


def _root_pem(chain: BuiltChain) -> str:
    """The trusted end, when it is not among what is sent."""
    return "" if chain.anchor in chain.ordered() else certificate_pem(chain.anchor).decode("ascii")


def _next_generation(tx: IdentityTx, identity: str) -> int:
    current = tx.installed_identity(identity)
    return current.generation + 1 if current is not None else 1


def install_self_signed(
    tx: IdentityTx,
    keys: KeyStore,
    *,
    identity: str,
    names: Sequence[str],
    key_type: KeyType,
    clock: Clock,
    random: RandomSource,
) -> InstalledIdentity:
    """The default of a first run: a server certificate for ``names``, 397 days, its own issuer.

    Raises RefusedError ``csr.names`` when a name is neither host name nor IP address.
    """
    key = generate_key(key_type)
    now = clock.now()
    certificate = self_signed_certificate(
        key,
        names,
        not_before=now - _BACKDATED,
        not_after=now - _BACKDATED + SELF_SIGNED_LIFETIME,
        serial=new_serial(random),
    )
    identifier = key_id(key.public_key())
    keys.save_key(identifier, private_key_pem(key))
    pem = certificate_pem(certificate).decode("ascii")
    installed = InstalledIdentity(
        identity, _next_generation(tx, identity), identifier, pem, now, self_signed=True
    )
    tx.install_identity(installed)
    return installed


def new_serial(random: RandomSource) -> int:
    """A positive serial number of 20 octets with at least 158 random bits (RFC 5280 4.1.2.2)."""
    octets = bytearray(random.token_bytes(20))
    # The first bit clear keeps it positive, the second set keeps its length.
    octets[0] = (octets[0] & 0x7F) | 0x40
    return int.from_bytes(octets, "big")


def rollback(tx: IdentityTx, keys: KeyStore, *, identity: str, clock: Clock) -> InstalledIdentity:
    """Install the generation before the current one again, as a new generation.

    Raises ConflictError ``identity.no_previous``, NotFoundError ``key.unknown``.
    """
    history = tx.identity_history(identity)
    current = history[0] if history else None
    previous = next(
        (one for one in history[1:] if current and one.chain_pem != current.chain_pem), None
    )
    if current is None or previous is None:
        raise ConflictError(
            "identity.no_previous", "There is no earlier certificate to go back to."
        )
    keys.load_key(previous.key_id)
    restored = InstalledIdentity(
        identity,
        current.generation + 1,
        previous.key_id,
        previous.chain_pem,
        clock.now(),
        previous.self_signed,
        previous.root_pem,
    )
    tx.install_identity(restored)
    return restored


def trouble_of(identity: InstalledIdentity, keys: KeyStore) -> str:
    """Why an installed identity could not be used from now on; empty when it could."""
    try:
        key = load_private_key(keys.load_key(identity.key_id))
        leaf = x509.load_pem_x509_certificate(identity.chain_pem.encode("ascii"))
    except SealwireError as fault:
        return f"The private key of the certificate in use cannot be used: {fault.message}"
    except ValueError:
        return "The certificate in use cannot be read."
    if key_id(key.public_key()) != key_id(leaf.public_key()):
        return "The private key does not belong to the certificate in use."
    return ""
