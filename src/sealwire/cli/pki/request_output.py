"""Certificate requests in Dogtag's words: what the server's JSON says, and how it is printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from sealwire.cli.pki.reading import identifier, understood
from sealwire.cli.pki_output import boxed, format_number, java_date, listing, visible
from sealwire.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

ACTIONS: Final[Mapping[str, str]] = {
    "approve": "Approved",
    "reject": "Rejected",
    "cancel": "Canceled",
    "update": "Updated",
    "validate": "Validated",
    "assign": "Assigned",
    "unassign": "Unassigned",
}
"""What an agent may do with a request, and what the answer says was done."""

REASONED: Final = frozenset({"reject", "cancel"})
"""Actions that take a reason."""

REVIEW_PROMPT: Final = f"Action ({'/'.join(ACTIONS)}): "
CONFIRM_PROMPT: Final = "\nAre you sure (y/N)? "


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """One request as the commands show it. ``certificate_id`` is the serial number.

    Servers from 11.3 on say when it was made and changed, and those times are shown.
    """

    request_id: int
    status: str
    reason: str | None = None
    certificate_id: int | None = None
    request_type: str = "enrollment"
    operation_result: str = "success"
    created: object = None
    modified: object = None

    @property
    def failed(self) -> bool:
        """Whether the operation itself ended in an error."""
        return self.operation_result == "error"


@dataclass(frozen=True, slots=True)
class InputBlock:
    """One input of the profile with what was submitted, e.g. ``Requestor Information``."""

    name: str
    attributes: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class ReviewInfo:
    """A request as an agent retrieves it; ``profile_name`` is the profile's name, not its id."""

    request_id: int
    profile_name: str
    status: str
    inputs: Sequence[InputBlock] = field(default_factory=tuple)
    request_type: str = "enrollment"


def request_info(document: Mapping[str, Any]) -> RequestInfo:
    """What the server's ``CertRequestInfo`` says. Raises UnavailableError for another shape."""
    with understood("a certificate request"):
        number = identifier(document, ("requestID", "requestId"), "requestURL")
        if number is None:
            raise KeyError("requestID")
        return RequestInfo(
            request_id=number,
            status=str(document["requestStatus"]),
            reason=_text(document.get("errorMessage")),
            certificate_id=identifier(document, ("certId",), "certURL"),
            request_type=str(document["requestType"]),
            operation_result=str(document.get("operationResult") or "success"),
            created=document.get("creationTime"),
            modified=document.get("modificationTime"),
        )


def request_infos(document: Mapping[str, Any]) -> list[RequestInfo]:
    """What the server's ``CertRequestInfos`` lists."""
    with understood("a list of certificate requests"):
        return [request_info(each) for each in document.get("entries") or ()]


def review_info(document: Mapping[str, Any]) -> ReviewInfo:
    """What the server's ``CertReviewResponse`` says."""
    with understood("a request under review"):
        number = identifier(document, ("requestId", "requestID"), "requestURL")
        if number is None:
            raise KeyError("requestId")
        return ReviewInfo(
            request_id=number,
            profile_name=str(document["profileName"]),
            status=str(document["requestStatus"]),
            inputs=[_input(each) for each in document.get("Input") or ()],
            request_type=str(document["requestType"]),
        )


def info_block(info: RequestInfo, audit_format: str) -> str:
    """The lines every command shows of a request."""
    lines = [
        f"  Request ID: {format_number(info.request_id, audit_format)}",
        f"  Type: {visible(info.request_type)}",
        f"  Request Status: {visible(info.status)}",
        f"  Operation Result: {visible(info.operation_result)}",
    ]
    if info.reason is not None:
        lines.append(f"  Reason: {visible(info.reason)}")
    if info.certificate_id is not None:
        lines.append(f"  Certificate ID: {format_number(info.certificate_id, audit_format)}")
    if info.created is not None:
        lines.append(f"  Creation Time: {java_date(info.created)}")
    if info.modified is not None:
        lines.append(f"  Modification Time: {java_date(info.modified)}")
    return "\n".join(lines) + "\n"


def submitted(infos: Sequence[RequestInfo], audit_format: str) -> str:
    """Answer of ``client-cert-request`` and ``ca-cert-request-submit``."""
    blocks = "\n".join(info_block(info, audit_format) for info in infos)
    return boxed("Submitted certificate request") + blocks


def found(infos: Sequence[RequestInfo], total: int | None, audit_format: str) -> str:
    """Answer of ``ca-cert-request-find``: one page of ``total`` matches (None: not known)."""
    return listing([info_block(info, audit_format) for info in infos], total)


def shown(info: RequestInfo, audit_format: str) -> str:
    """Answer of ``ca-cert-request-show``."""
    number = format_number(info.request_id, audit_format)
    return boxed(f'Certificate request "{number}"') + info_block(info, audit_format)


def review_block(review: ReviewInfo, audit_format: str) -> str:
    """What is shown of a request before somebody decides it."""
    lines = [
        f"  Request ID: {format_number(review.request_id, audit_format)}",
        f"  Profile: {visible(review.profile_name)}",
        f"  Type: {visible(review.request_type)}",
        f"  Status: {visible(review.status)}",
    ]
    for block in review.inputs:
        lines += ["", *_input_lines(block)]
    return "\n".join(lines) + "\n"


def retrieved(review: ReviewInfo, audit_format: str) -> str:
    """Answer of ``ca-cert-request-review`` without an action; ``REVIEW_PROMPT`` comes next."""
    number = format_number(review.request_id, audit_format)
    head = boxed(f"Retrieved certificate request {number}")
    return head + review_block(review, audit_format) + "\n"


def stored(number: int, file: str, audit_format: str) -> str:
    """What ``ca-cert-request-review --output-file`` says to do next."""
    said_id = format_number(number, audit_format)
    return (
        f"Please review the certificate request in {visible(file)}.\n"
        "Update the file if necessary, then execute:\n"
        "\n"
        f"  $ pki ... ca-cert-request-<action> {said_id} --input-file {visible(file)}\n"
        "\n"
        f"Available actions: {', '.join(ACTIONS)}\n"
    )


def reviewed(info: RequestInfo, action: str, audit_format: str) -> str:
    """What says that an agent's action was done.

    Raises UsageError ``pki.action`` for a word that is none.
    """
    done = ACTIONS.get(action)
    if done is None:
        words = ", ".join(ACTIONS)
        raise UsageError("pki.action", f"Invalid action: {visible(action)}", hint=f"One of {words}")
    number = format_number(info.request_id, audit_format)
    return boxed(f"{done} certificate request {number}") + info_block(info, audit_format)


def _input(block: Mapping[str, Any]) -> InputBlock:
    attributes = [(str(a["name"]), _text(a.get("Value")) or "") for a in block["Attribute"]]
    return InputBlock(str(block.get("Name") or block.get("id") or ""), attributes)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _input_lines(block: InputBlock) -> list[str]:
    lines = []
    for name, value in block.attributes:
        text = "\n".join(visible(line) for line in value.strip().splitlines())
        if text:
            lines.append(f"    {visible(name)}: {text}")
    return [f"  {visible(block.name)}:", *(lines or ["    none"])]
