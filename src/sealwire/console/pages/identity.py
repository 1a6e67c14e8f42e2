"""The pages about a TLS end's certificate; what differs between the ends stands in ``EndPages``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from sealwire.console import certificates as shown
from sealwire.console.import_view import import_view
from sealwire.console.routing import get, post
from sealwire.console.visit import DONE, download
from sealwire.errors import NotFoundError
from sealwire.x509.chain import Order
from sealwire.x509.keys import KeyType
from sealwire.x509.wizard import CaKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from sealwire.access.roles import Action
    from sealwire.console.certificates import CsrFacts
    from sealwire.console.import_view import ImportView
    from sealwire.console.routing import ConsoleRoute
    from sealwire.console.visit import Visit
    from sealwire.identity.lifecycle import IdentityLifecycle
    from sealwire.identity.request_check import CsrCheck

KINDS: Final = (
    (CaKind.SEALWIRE, "This product's own CA, or Dogtag"),
    (CaKind.PRIVATE, "A company's own CA"),
    (CaKind.PUBLIC_DV, "A public CA that proves the host name"),
    (CaKind.PUBLIC_OV, "A public CA that proves the organization"),
    (CaKind.CISCO, "As Cisco's guide words it"),
)


class Shower(Protocol):
    """Draws a page of one end with what the template needs besides."""

    def __call__(self, visit: Visit, **values: Any) -> Response:  # noqa: ANN401 - the template's
        """The page."""
        ...


@dataclass(frozen=True)
class EndPages:
    """One end's pages.

    ``page``: its address, the others are below it. ``show``: the page itself; ``show_import``: the
    page with the import form. ``after``: where a form leads when it is done.
    """

    page: str
    within: str
    csr_title: str
    profile: str
    key_type: KeyType
    reads: Action
    changes: Action
    lifecycle: Callable[[Visit], IdentityLifecycle[Any]]
    own_name: Callable[[Visit], str]
    show: Shower
    show_import: Callable[[Visit, ImportView | None], Response]
    after: Callable[[Visit], str]

    def csr_form(self, visit: Visit) -> Response:
        """*Generate New CSR*, the fields in the guide's order."""
        return self._csr_page(visit, None)

    def _csr_page(self, visit: Visit, checked: CsrCheck | None) -> Response:
        self.lifecycle(visit).show()  # Not on a standby unit, which refuses this.
        return visit.page(
            "csr_form.html",
            title=self.csr_title,
            within=self.within,
            action=f"{self.page}/csr",
            check=f"{self.page}/csr/check",
            close=self.page,
            form=visit.form,
            own_name=self.own_name(visit),
            key_types=list(KeyType),
            key_type=visit.text("key_type") or self.key_type,
            kinds=KINDS,
            kind=visit.text("ca") or CaKind.SEALWIRE,
            checked=checked,
        )

    def check_csr(self, visit: Visit) -> Response:
        """*Check*: remarks, DNS, and the openssl commands; no key is made."""
        checked = self.lifecycle(visit).check_csr(
            shown.asked_subject(visit),
            shown.asked_names(visit),
            shown.asked_key_type(visit),
            shown.asked_kind(visit),
        )
        return self._csr_page(visit, checked)

    def generate(self, visit: Visit) -> Response:
        """*Generate*: the key is made here and stays here."""
        made = self.lifecycle(visit).csr(
            visit.actor,
            shown.asked_subject(visit),
            shown.asked_names(visit),
            shown.asked_key_type(visit),
        )
        return visit.see(f"{self.page}/csr/{made.key_id}")

    def csr(self, visit: Visit) -> Response:
        """The CSR to be copied, downloaded, sent to this node's own CA, or given up."""
        address = f"{self.page}/csr/{visit.path('key_id')}"
        return visit.page(
            "csr.html",
            title="Certificate Signing Request",
            within=self.within,
            csr=self._waiting(visit),
            download=f"{address}/file",
            remove=f"{address}/remove",
            changes=visit.may(self.changes),
            close=self.page,
            profile=self.profile,
            can_submit=visit.services.ca is not None,
        )

    def csr_file(self, visit: Visit) -> Response:
        """``NAME.csr``."""
        found = self._waiting(visit)
        return download(found.pem, found.file, "application/pkcs10")

    def remove_csr(self, visit: Visit) -> Response:
        """Give up a CSR, and its key."""
        self.lifecycle(visit).discard(visit.actor, visit.path("key_id"))
        return visit.see(self.after(visit), "removed")

    def _waiting(self, visit: Visit) -> CsrFacts:
        wanted = visit.path("key_id")
        for pending in self.lifecycle(visit).show().pending:
            if pending.key_id == wanted:
                return shown.csr_facts(pending)
        raise NotFoundError(
            "csr.unknown", "There is no such CSR.", hint="Its certificate may be installed by now."
        )

    def import_form(self, visit: Visit) -> Response:
        """The form, as it was filled in."""
        return self.show_import(visit, None)

    def check(self, visit: Visit) -> Response:
        """*Check*: what *Save* would do, and nothing is changed."""
        files = shown.given_files(visit)
        shown.require_files(files)
        checked = self.lifecycle(visit).check(
            files, shown.given_key(visit), shown.given_password(visit)
        )
        return self.show_import(visit, import_view(checked, visit.now))

    def import_certificate(self, visit: Visit) -> Response:
        """*Save*: all faults at once, and then nothing is changed; else the swap, all remarks."""
        files = shown.given_files(visit)
        shown.require_files(files)
        _, checked = self.lifecycle(visit).install(
            visit.actor, files, shown.given_key(visit), shown.given_password(visit)
        )
        if checked.findings:
            return self.show(visit, findings=checked.findings, done=DONE["imported"])
        return visit.see(self.after(visit), "imported")

    def rollback(self, visit: Visit) -> Response:
        """The certificate before this one again."""
        self.lifecycle(visit).rollback(visit.actor)
        return visit.see(self.after(visit), "rolled-back")

    def chain_file(self, visit: Visit) -> Response:
        """The installed chain in a product's order."""
        word = visit.path("order")
        if word not in set(Order):
            raise NotFoundError("page.unknown", "There is no such page.")
        pem = self.lifecycle(visit).exported(Order(word))
        return download(pem.decode("ascii"), f"chain-{word}.pem")

    def routes(self, *, own_import_page: bool) -> tuple[ConsoleRoute, ...]:
        """The rows; ``own_import_page``: the form has a page of its own."""
        again = self.import_form
        form = (get(f"{self.page}/import", self.changes, again),) if own_import_page else ()
        return (
            get(self.page, self.reads, self.show),
            *form,
            post(f"{self.page}/import", self.changes, self.import_certificate, again=again),
            post(f"{self.page}/check", self.changes, self.check, again=again),
            post(f"{self.page}/rollback", self.changes, self.rollback, again=self.show),
            get(f"{self.page}/chain/{{order}}", self.reads, self.chain_file),
            get(f"{self.page}/csr", self.changes, self.csr_form),
            post(f"{self.page}/csr", self.changes, self.generate, again=self.csr_form),
            post(f"{self.page}/csr/check", self.changes, self.check_csr, again=self.csr_form),
            get(f"{self.page}/csr/{{key_id}}", self.reads, self.csr),
            get(f"{self.page}/csr/{{key_id}}/file", self.reads, self.csr_file),
            post(f"{self.page}/csr/{{key_id}}/remove", self.changes, self.remove_csr),
        )
