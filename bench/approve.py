"""Approve many requests by the use case alone: ``python -m bench.approve KEY-TYPE FOLDER COUNT``.

Prints ``{"seconds": ..., "cpu": ...}`` of the approvals; everything before them is not counted.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Final

from sealwire.bootstrap.compose import lay_foundation
from sealwire.bootstrap.home import Home
from sealwire.bootstrap.roles import running_roles
from sealwire.ca.setup import SetupPlan
from sealwire.clock import SystemClock
from sealwire.config.node import checked_config
from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, generate_key
from sealwire.x509.subject import parse_dn

if TYPE_CHECKING:
    from collections.abc import Sequence

THREADS: Final = 16
PROFILE: Final = "caAuditServerCert"


def main(words: Sequence[str]) -> None:
    """Make a CA, fill its queue, approve all of it."""
    kind, folder, count = KeyType(words[0]), Path(words[1]), int(words[2])
    Home(folder / "home").create()
    base = lay_foundation(checked_config(home=folder / "home", roles={"ca"}))
    ca = running_roles(base, None).ca
    if ca is None:
        raise RuntimeError("this node has no CA")
    ca.initialise(SetupPlan(key_type=kind))
    csr = build_csr(generate_key(KeyType.P256), parse_dn("CN=server.example.com"), ())
    with ThreadPoolExecutor(THREADS) as pool:
        waiting = list(
            pool.map(
                lambda _: ca.submit(PROFILE, csr, actor="bench", remote_address="").request_id,
                range(count),
            )
        )
        before, begun = process_time(), SystemClock().monotonic()
        list(pool.map(lambda each: ca.approve(each, actor="caadmin"), waiting))
        told = {"seconds": SystemClock().monotonic() - begun, "cpu": process_time() - before}
    base.close()
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1:])
