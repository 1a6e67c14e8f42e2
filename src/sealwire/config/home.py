"""Where a node's home is when nobody says: light, for every command asks it."""

from __future__ import annotations

import os
from pathlib import Path


def default_home() -> Path:
    """``SEALWIRE_HOME``, else ``~/.local/share/sealwire``."""
    from_environment = os.environ.get("SEALWIRE_HOME")
    return (
        Path(from_environment) if from_environment else Path("~/.local/share/sealwire").expanduser()
    )
