"""JSON shapes that several routes share. Times are RFC 3339 in UTC."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from sealwire.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from sealwire.audit.ports import TrailRecord

LARGEST_FILE = 4 * 1024 * 1024
LARGEST_BODY = 4 * LARGEST_FILE
"""Bodies are read before anybody is asked who they are: this bounds what a stranger can cost."""

LARGEST_NUMBER = 2**63 - 1
"""What every store can keep as a number."""

Number = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]


class Body(BaseModel):
    """A request's body; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class CsrBody(Body):
    """The fields of *Generate New CSR*, in the form's order, and what the form lacks."""

    country: str = ""
    state: str = ""
    locality: str = ""
    organization: str = ""
    unit: str = ""
    common_name: str
    names: Annotated[list[str], Field(max_length=100)] = []
    key_type: str = "p256"


class CsrCheckBody(CsrBody):
    """The same, looked at only; ``ca``: the kind of CA it is for, see ``x509.wizard.CaKind``."""

    ca: str = "sealwire"


class UploadedFile(Body):
    """Any file; ``content`` in base64."""

    name: Annotated[str, Field(max_length=255)] = "pasted"
    content: Annotated[str, Field(max_length=LARGEST_FILE * 4 // 3 + 4)]


class ImportBody(Body):
    """Certificate and chain as any files, and a key unless its CSR was made here."""

    files: Annotated[list[UploadedFile], Field(min_length=1, max_length=200)]
    key: Annotated[str | None, Field(max_length=LARGEST_FILE)] = None
    password: Annotated[str, Field(max_length=1024)] = ""

    def blobs(self) -> list[tuple[str, bytes]]:
        """Names and bytes of the files. Raises UsageError ``input.base64``."""
        return [(file.name, decoded(file.content)) for file in self.files]

    def key_bytes(self) -> bytes | None:
        """The key's bytes, if there is one."""
        return None if self.key is None else decoded(self.key)

    def password_bytes(self) -> bytes | None:
        """The password of an encrypted key or PKCS#12 file, if there is one."""
        return self.password.encode("utf-8") or None


def decoded(text: str) -> bytes:
    """Bytes of a base64 text. Raises UsageError ``input.base64``."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise UsageError("input.base64", "a file's content is not base64") from error


def rfc3339(time: datetime) -> str:
    """``2026-11-21T22:51:00.000000Z``."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def trail_record(record: TrailRecord) -> dict[str, Any]:
    """One audit record; ``message`` is the exact text after the syslog header."""
    return {
        "trail": record.trail,
        "idx": record.idx,
        "time": rfc3339(record.time),
        "event": record.event,
        "subject_id": record.subject_id,
        "outcome": record.outcome,
        "message": record.text,
    }
