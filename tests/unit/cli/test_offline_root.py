"""The folder that a root is kept in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sealwire.cli.offline_root import prepare_folder
from sealwire.errors import ConflictError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_root_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "root.key").write_text("kept")
    with pytest.raises(ConflictError) as refused:
        prepare_folder(tmp_path)
    assert str(tmp_path / "root.key") in refused.value.message
    # There is no option for it, so none is advised.
    assert refused.value.hint == "Choose another folder."
