"""What the unit tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST

from sealwire.access import users

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module", autouse=True)
def light_passwords() -> Iterator[None]:
    """Argon2id at its least: hundreds of log-ins at full weight are a minute of computing.

    The tests of the hash itself have it at the weight that users get.
    """
    light = PasswordHasher.from_parameters(CHEAPEST)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(users, "_HASHER", light)
        patch.setattr(users, "_NOBODYS_HASH", light.hash("nobody's"))
        yield
