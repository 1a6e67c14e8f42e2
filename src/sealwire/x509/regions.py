"""States and provinces that are commonly abbreviated, by country (ISO 3166-2)."""

from __future__ import annotations

from typing import Final

_UNITED_STATES = """
AL Alabama|AK Alaska|AZ Arizona|AR Arkansas|CA California|CO Colorado|CT Connecticut|DE Delaware
DC District of Columbia|FL Florida|GA Georgia|HI Hawaii|ID Idaho|IL Illinois|IN Indiana|IA Iowa
KS Kansas|KY Kentucky|LA Louisiana|ME Maine|MD Maryland|MA Massachusetts|MI Michigan|MN Minnesota
MS Mississippi|MO Missouri|MT Montana|NE Nebraska|NV Nevada|NH New Hampshire|NJ New Jersey
NM New Mexico|NY New York|NC North Carolina|ND North Dakota|OH Ohio|OK Oklahoma|OR Oregon
PA Pennsylvania|RI Rhode Island|SC South Carolina|SD South Dakota|TN Tennessee|TX Texas|UT Utah
VT Vermont|VA Virginia|WA Washington|WV West Virginia|WI Wisconsin|WY Wyoming|PR Puerto Rico
"""
_CANADA = """
AB Alberta|BC British Columbia|MB Manitoba|NB New Brunswick|NL Newfoundland and Labrador
NS Nova Scotia|NT Northwest Territories|NU Nunavut|ON Ontario|PE Prince Edward Island|QC Quebec
SK Saskatchewan|YT Yukon
"""
_AUSTRALIA = """
ACT Australian Capital Territory|NSW New South Wales|NT Northern Territory|QLD Queensland
SA South Australia|TAS Tasmania|VIC Victoria|WA Western Australia
"""


def _table(text: str) -> dict[str, str]:
    pairs = (pair.partition(" ") for line in text.split("\n") for pair in line.split("|") if pair)
    return {short: name for short, _, name in pairs}


# Country, abbreviation, name.
FULL_NAMES: Final = {
    "US": _table(_UNITED_STATES),
    "CA": _table(_CANADA),
    "AU": _table(_AUSTRALIA),
}


def abbreviation_of(name: str, country: str) -> str | None:
    """``TX`` for ``Texas`` in ``US``; None where none is known."""
    wanted = name.strip().lower()
    table = FULL_NAMES.get(country, {})
    return next((short for short, full in table.items() if full.lower() == wanted), None)
