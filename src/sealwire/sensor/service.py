"""The sensor's use cases: certificate, listeners and trust, what arrived, search.

Every change of configuration and its audit event (trail ``sensor``) commit together. Whether
``actor`` may do it was decided before it came here.
"""

from __future__ import annotations

from sealwire.sensor.admitting import AdmittingCases
from sealwire.sensor.certificate import CertificateCases
from sealwire.sensor.exporting import ExportCases
from sealwire.sensor.holding import HoldingCases
from sealwire.sensor.installation import Installation, Reception
from sealwire.sensor.keeping import KeepingCases
from sealwire.sensor.listening import ListeningCases
from sealwire.sensor.reception import ReceptionCases
from sealwire.sensor.searching import SearchCases

__all__ = ["Installation", "Reception", "Sensor"]


class Sensor(
    AdmittingCases,
    CertificateCases,
    ExportCases,
    HoldingCases,
    KeepingCases,
    ListeningCases,
    ReceptionCases,
    SearchCases,
):
    """One sensor. Safe to call from any thread."""
