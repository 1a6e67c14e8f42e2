"""The node's own HTTPS certificate: when it is kept, and when it is made anew."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, cast

from cryptography import x509

from sealwire.bootstrap.console_identity import console_identity
from sealwire.config.node import NodeConfig, checked_config
from sealwire.x509.certificate import certificate_names
from sealwire.x509.keys import load_private_key
from tests.unit.ca.scene import CountedBytes, KeyShelf, Scene, StandingClock, founded

if TYPE_CHECKING:
    from sealwire.bootstrap.compose import Foundation
    from sealwire.stores.memory import MemoryStore


@dataclass
class Base:
    """What of a node's foundation this needs."""

    config: NodeConfig
    store: MemoryStore
    keys: KeyShelf
    clock: StandingClock
    random: CountedBytes = field(default_factory=CountedBytes)


def base_of(scene: Scene, host_name: str = "node.invalid", **settings: str) -> Base:
    config = checked_config(host_name=host_name, **settings)
    return Base(config, scene.store, scene.keys, scene.clock)


def served(base: Base, scene: Scene | None) -> list[x509.Certificate]:
    """The chain, after a look at whether the key belongs to it."""
    foundation = cast("Foundation", base)  # as much of it as is asked for
    chain, key = console_identity(foundation, None if scene is None else scene.ca)
    certificates = x509.load_pem_x509_certificates(chain)
    assert load_private_key(key).public_key() == certificates[0].public_key()
    return certificates


def test_without_a_ca_it_is_self_signed_and_kept() -> None:
    base = base_of(Scene())
    [leaf] = served(base, None)
    assert leaf.issuer == leaf.subject
    assert {"node.invalid", "localhost", "127.0.0.1", "::1"} <= set(certificate_names(leaf))
    assert served(base, None) == [leaf]


def test_its_own_ca_issues_it_and_says_so() -> None:
    scene = founded()
    leaf, issuing = served(base_of(scene), scene)
    assert leaf.issuer == issuing.subject
    assert "node.invalid" in certificate_names(leaf)
    assert scene.trail()[-1].event == "CERT_REQUEST_PROCESSED"
    assert scene.trail()[-1].subject_id == "$System$"
    before = scene.texts()
    assert served(base_of(scene), scene)[0] == leaf
    assert scene.texts() == before


def test_a_ca_replaces_the_self_signed_one() -> None:
    scene = founded()
    [first] = served(base_of(scene), None)
    leaf, _ = served(base_of(scene), scene)
    assert leaf != first


def test_it_is_made_anew_for_other_names() -> None:
    scene = founded()
    first = served(base_of(scene), scene)[0]
    renamed = served(base_of(scene, "renamed.invalid"), scene)[0]
    assert renamed != first
    assert "renamed.invalid" in certificate_names(renamed)
    moved = served(base_of(scene, "renamed.invalid", listen="192.0.2.7"), scene)[0]
    assert "192.0.2.7" in certificate_names(moved)


def test_it_is_made_anew_before_its_end() -> None:
    scene = founded()
    first = served(base_of(scene), scene)[0]
    scene.clock.time = first.not_valid_after_utc - timedelta(days=61)
    assert served(base_of(scene), scene)[0] == first
    scene.clock.time = first.not_valid_after_utc - timedelta(days=59)
    assert served(base_of(scene), scene)[0] != first


def test_a_name_too_long_for_a_common_name_stands_in_the_san() -> None:
    scene = founded()
    long_name = f"{'a' * 60}.{'b' * 60}.invalid"
    leaf = served(base_of(scene, long_name), scene)[0]
    assert long_name in certificate_names(leaf)
