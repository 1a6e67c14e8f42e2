"""What a listener needs for TLS goes to a worker whole."""

from __future__ import annotations

import json

import pytest

from sealwire.net.control import material_document, material_from
from sealwire.sensor.receiving import ClientCertificate, TlsMaterial


@pytest.mark.parametrize("mode", ClientCertificate)
@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("lists", [(), ((bytes(range(256)), "soft"), (b"", "hard"))])
def test_material_survives_the_way(
    mode: ClientCertificate,
    lists: tuple[tuple[bytes, str], ...],
    legacy: bool,
) -> None:
    material = TlsMaterial((("chain", "key"), ("c2", "k2")), mode, "anchors", lists, legacy)
    assert material_from(json.loads(json.dumps(material_document(material)))) == material
