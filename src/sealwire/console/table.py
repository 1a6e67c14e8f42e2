"""Every route of the console."""

from __future__ import annotations

from typing import Final

from sealwire.console.pages import (
    account,
    audit_certificate,
    audit_configuration,
    audit_log,
    authority,
    doctor,
    high_availability,
    home,
    inputs,
    issued,
    own_certificates,
    profiles,
    records,
    requests,
    retention,
    revocation_lists,
    revocation_status,
    search,
    senders,
    sensors,
    sources,
    syslog_server,
    users,
)

# Fixed words before names: the first row that matches answers.
ROUTES: Final = (
    *account.ROUTES,
    *home.ROUTES,
    *requests.ROUTES,
    *issued.ROUTES,
    *revocation_status.ROUTES,
    *profiles.ROUTES,
    *authority.ROUTES,
    *own_certificates.ROUTES,
    *audit_configuration.ROUTES,
    *audit_log.ROUTES,
    *audit_certificate.ROUTES,
    *high_availability.ROUTES,
    *inputs.ROUTES,
    *revocation_lists.ROUTES,
    *doctor.ROUTES,
    *syslog_server.ROUTES,
    *search.ROUTES,
    *records.ROUTES,
    *senders.ROUTES,
    *retention.ROUTES,
    *sources.ROUTES,
    *sensors.ROUTES,
    *users.ROUTES,
)
