"""*System > Configuration > Audit Log Certificate*: Generate New CSR, import, view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sealwire.access.roles import Action
from sealwire.console import certificates as shown
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.console.standby import standby
from sealwire.console.visit import DONE, download
from sealwire.errors import NotFoundError
from sealwire.x509.keys import KeyType

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.appliance.service import Appliance
    from sealwire.console.certificates import CsrFacts, ImportReport
    from sealwire.console.visit import Visit

_PAGE: Final = "/system/audit-log-certificate"


def view(visit: Visit) -> Response:
    """The installed audit log client certificate, and the CSRs that wait for theirs.

    On a standby unit: that it is one, and where the active unit's page is.
    """
    return _page(visit)


def _page(visit: Visit, **values: Any) -> Response:  # noqa: ANN401 - whatever the template shows
    unit = _unit(visit)
    passive = standby(unit.ha(), _PAGE)
    if passive is not None:
        return visit.page("audit_certificate.html", standby=passive)
    found = unit.certificate.show()
    return visit.page(
        "audit_certificate.html",
        standby=None,
        chain=shown.chain_facts(found.installed, visit.now),
        installed=found.installed,
        waiting=shown.waiting(found.pending),
        history=len(found.history),
        unit_name=unit.host_name,
        changes=visit.may(Action.CONFIGURE_APPLIANCE),
        **{"findings": (), **values},
    )


def csr_form(visit: Visit) -> Response:
    """*Generate New CSR*, the fields in the guide's order."""
    _unit(visit).certificate.show()  # Not on a standby unit, which refuses this.
    return visit.page(
        "csr_form.html",
        title="Generate New CSR",
        within="System > Configuration > Audit Log Certificate",
        action=f"{_PAGE}/csr",
        close=_PAGE,
        form=visit.form,
        own_name=_unit(visit).host_name,
        key_types=list(KeyType),
        key_type=visit.text("key_type") or KeyType.P256,
    )


def generate(visit: Visit) -> Response:
    """*Generate*: the key is made here and stays here."""
    made = _unit(visit).certificate.csr(
        visit.actor,
        shown.asked_subject(visit),
        shown.asked_names(visit),
        shown.asked_key_type(visit),
    )
    return visit.see(f"{_PAGE}/csr/{made.key_id}")


def csr(visit: Visit) -> Response:
    """The CSR to be copied or downloaded, *Close*."""
    return visit.page(
        "csr.html",
        title="Certificate Signing Request",
        within="System > Configuration > Audit Log Certificate",
        csr=_csr(visit),
        download=f"{_PAGE}/csr/{visit.path('key_id')}/file",
        close=_PAGE,
        profile="caAuditClientCert",
        can_submit=visit.services.ca is not None,
    )


def csr_file(visit: Visit) -> Response:
    """``NAME.csr``."""
    found = _csr(visit)
    return download(found.pem, found.file, "application/pkcs10")


def import_form(visit: Visit) -> Response:
    """*Import Audit Client Certificate*: three boxes, or files."""
    return _import_page(visit, None)


def _import_page(visit: Visit, report: ImportReport | None) -> Response:
    return visit.page(
        "import_form.html",
        title="Import Audit Client Certificate",
        within="System > Configuration > Audit Log Certificate",
        leaf_label="Client Certificate",
        action=f"{_PAGE}/import",
        check=f"{_PAGE}/check",
        close=_PAGE,
        form=visit.form,
        report=report,
        waiting=shown.waiting(_unit(visit).certificate.show().pending),
    )


def check(visit: Visit) -> Response:
    """*Check*: what *Save* would do, and nothing is changed."""
    files = shown.given_files(visit)
    shown.require_files(files)
    checked = _unit(visit).certificate.check(
        files, shown.given_key(visit), shown.given_password(visit)
    )
    return _import_page(visit, shown.import_report(checked, visit.now))


def import_certificate(visit: Visit) -> Response:
    """*Save*: all faults at once, and then nothing is changed; else the swap, and all remarks."""
    files = shown.given_files(visit)
    shown.require_files(files)
    _, checked = _unit(visit).certificate.install(
        visit.actor, files, shown.given_key(visit), shown.given_password(visit)
    )
    if checked.findings:
        return _page(visit, findings=checked.findings, done=DONE["imported"])
    return visit.see(_PAGE, "imported")


def rollback(visit: Visit) -> Response:
    """The certificate before this one again."""
    _unit(visit).certificate.rollback(visit.actor)
    return visit.see(_PAGE, "rolled-back")


def _csr(visit: Visit) -> CsrFacts:
    wanted = visit.path("key_id")
    for pending in _unit(visit).certificate.show().pending:
        if pending.key_id == wanted:
            return shown.csr_facts(pending)
    raise NotFoundError(
        "csr.unknown", "There is no such CSR.", hint="Its certificate may be installed by now."
    )


def _unit(visit: Visit) -> Appliance:
    return present(visit.services.appliance, "appliance")


ROUTES: Final = (
    get(_PAGE, Action.READ_APPLIANCE, view),
    get(f"{_PAGE}/csr", Action.CONFIGURE_APPLIANCE, csr_form),
    post(f"{_PAGE}/csr", Action.CONFIGURE_APPLIANCE, generate, again=csr_form),
    get(f"{_PAGE}/csr/{{key_id}}", Action.READ_APPLIANCE, csr),
    get(f"{_PAGE}/csr/{{key_id}}/file", Action.READ_APPLIANCE, csr_file),
    get(f"{_PAGE}/import", Action.CONFIGURE_APPLIANCE, import_form),
    post(f"{_PAGE}/import", Action.CONFIGURE_APPLIANCE, import_certificate, again=import_form),
    post(f"{_PAGE}/check", Action.CONFIGURE_APPLIANCE, check, again=import_form),
    post(f"{_PAGE}/rollback", Action.CONFIGURE_APPLIANCE, rollback, again=view),
)
