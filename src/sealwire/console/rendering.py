"""Templates: everything that is printed is escaped, and what cannot be seen is made visible."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sealwire.identity.remarks import fix_of

if TYPE_CHECKING:
    from datetime import datetime

_SEEN: Final = frozenset("\n\t")
_HIDDEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def visible(text: str) -> str:
    """``text`` with control, bidi and other unseen characters spelled out, such as ``⟨U+202E⟩``.

    Line ends and tabs stay: where a line would be forged by one, the audit format escapes it.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in _SEEN or unicodedata.category(character) not in _HIDDEN:
        return character
    return f"⟨U+{ord(character):04X}⟩"


def _finish(value: object) -> object:
    """Applied to every expression of every template, before escaping."""
    if isinstance(value, Markup):
        return value
    return "" if value is None else visible(str(value))


def moment(time: datetime) -> str:
    """``2026-11-21 22:51:00 UTC``."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC")


def spaced(number: int) -> str:
    """``1 234 567``, with thin spaces that do not break."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def byte_words(number: int) -> str:
    """``3.4 MB``: three digits at most, in powers of 1000."""
    size = float(number)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 999.5:  # noqa: PLR2004 - what is written with three digits
            return f"{size:.0f} {unit}" if unit == "bytes" or size >= 10 else f"{size:.1f} {unit}"  # noqa: PLR2004 - two digits
        size /= 1000
    return f"{size:.1f} TB"


def environment() -> Environment:
    """Jinja2 with escaping always on; an unknown name in a template is an error."""
    made = Environment(
        loader=PackageLoader("sealwire.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finish,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["moment"] = moment
    made.filters["spaced"] = spaced
    made.filters["bytes"] = byte_words
    made.globals["fix_of"] = fix_of
    return made


def render(made: Environment, template: str, values: dict[str, Any]) -> str:
    """One page. Half characters (surrogates) were made visible, so it can be encoded."""
    return made.get_template(template).render(values)
