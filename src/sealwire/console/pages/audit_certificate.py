"""*System > Configuration > Audit Log Certificate*: Generate New CSR, import, view."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sealwire.access.roles import Action
from sealwire.console import certificates as shown
from sealwire.console.pages.identity import EndPages
from sealwire.console.services import present
from sealwire.console.standby import standby
from sealwire.x509.keys import KeyType

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.appliance.service import Appliance
    from sealwire.console.import_view import ImportView
    from sealwire.console.visit import Visit

_PAGE: Final = "/system/audit-log-certificate"
_WITHIN: Final = "System > Configuration > Audit Log Certificate"


def view(visit: Visit, **values: Any) -> Response:  # noqa: ANN401 - whatever the template shows
    """The installed audit log client certificate, and the CSRs that wait for theirs.

    On a standby unit: that it is one, and where the active unit's page is.
    """
    unit = _unit(visit)
    passive = standby(unit.ha(), _PAGE)
    if passive is not None:
        return visit.page("audit_certificate.html", standby=passive)
    found = unit.certificate.show()
    return visit.page(
        "audit_certificate.html",
        standby=None,
        page=_PAGE,
        chain=shown.chain_facts(found.installed, visit.now),
        installed=found.installed,
        trouble=found.trouble,
        waiting=shown.waiting(found.pending),
        history=len(found.history),
        unit_name=unit.host_name,
        changes=visit.may(Action.CONFIGURE_APPLIANCE),
        **{"findings": (), **values},
    )


def import_page(visit: Visit, report: ImportView | None) -> Response:
    """*Import Audit Client Certificate*: files, or three boxes."""
    return visit.page(
        "import_form.html",
        title="Import Audit Client Certificate",
        within=_WITHIN,
        leaf_label="Client Certificate",
        action=f"{_PAGE}/import",
        check=f"{_PAGE}/check",
        close=_PAGE,
        form=visit.form,
        report=report,
        waiting=shown.waiting(_unit(visit).certificate.show().pending),
    )


def _unit(visit: Visit) -> Appliance:
    return present(visit.services.appliance, "appliance")


PAGES: Final = EndPages(
    page=_PAGE,
    within=_WITHIN,
    csr_title="Generate New CSR",
    profile="caAuditClientCert",
    key_type=KeyType.P256,
    reads=Action.READ_APPLIANCE,
    changes=Action.CONFIGURE_APPLIANCE,
    lifecycle=lambda visit: _unit(visit).certificate,
    own_name=lambda visit: _unit(visit).host_name,
    show=view,
    show_import=import_page,
    after=lambda _visit: _PAGE,
)
ROUTES: Final = PAGES.routes(own_import_page=True)
