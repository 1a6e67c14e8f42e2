"""*Certificate Authority > Profiles*: what may be asked for, and in which version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sealwire.access.roles import Action
from sealwire.ca.profile_register import check_profile
from sealwire.console.routing import get, post
from sealwire.console.services import present
from sealwire.console.visit import download
from sealwire.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from starlette.responses import Response

    from sealwire.ca.profile_register import ProfileRegister
    from sealwire.ca.profiles import Profile
    from sealwire.console.visit import Visit

_PAGE: Final = "/authority/profiles"
_ONE: Final = f"{_PAGE}/{{profile_id}}"
# Beside the profiles, not among them: a profile may have any word for its id.
_NEW: Final = "/authority/new-profile"
_TABLES: Final = ("inputs", "constraints", "defaults", "approval", "lint")


def profiles(visit: Visit) -> Response:
    """Every profile, the disabled ones too."""
    return visit.page(
        "profiles.html",
        profiles=_register(visit).profiles(),
        configures=visit.may(Action.CONFIGURE_CA),
        new=_NEW,
    )


def profile(visit: Visit) -> Response:
    """One profile, all of it, with its versions."""
    register, profile_id = _register(visit), visit.path("profile_id")
    found = register.get(profile_id)
    return visit.page(
        "profile.html",
        profile=found.profile,
        in_force=found,
        rules=_rules(found.profile),
        versions=register.versions(profile_id),
        document=register.document(profile_id),
        approves=visit.may(Action.APPROVE_PROFILE),
        configures=visit.may(Action.CONFIGURE_CA),
        new=_NEW,
    )


def _rules(profile: Profile) -> list[tuple[str, Any]]:
    """Table by table, as they stand in its document."""
    dumped = profile.model_dump(mode="json", include=set(_TABLES), exclude_none=True)
    return [(name, dumped[name]) for name in _TABLES]


def document(visit: Visit) -> Response:
    """The TOML document of one version."""
    profile_id, number = visit.path("profile_id"), visit.number("version")
    for stored in _register(visit).versions(profile_id):
        if stored.version == number:
            name = f"{stored.profile_id}-{number}.toml"
            return download(stored.document, name, "application/toml")
    raise NotFoundError("profile.version", "There is no such version.")


def switch_profile(visit: Visit) -> Response:
    """Enable or disable one."""
    register, profile_id = _register(visit), visit.path("profile_id")
    switches = {"enable": register.enable, "disable": register.disable}
    switch = switches.get(visit.path("switch"))
    if switch is None:
        raise NotFoundError("page.unknown", "There is no such page.")
    switch(profile_id, actor=visit.actor)
    return visit.see(f"{_PAGE}/{profile_id}", f"{visit.path('switch')}d")


def new_profile(visit: Visit) -> Response:
    """The form for a profile, or for the next version of one."""
    given = visit.query("from")
    text = visit.form.text("document") or (_register(visit).document(given) if given else "")
    return _form(visit, text, None)


def put_profile(visit: Visit) -> Response:
    """Check a document, or store it; stored, it waits for an agent to enable it."""
    uploaded = next((data for _, data in visit.form.uploads("document_file")), b"")
    given = uploaded or visit.form.text("document").encode("utf-8", "replace")
    if not given.strip():
        raise UsageError(
            "profile.empty", "No document was given.", hint="Paste it, or choose its file."
        )
    if visit.text("do") != "save":
        checked = check_profile(given, source="document")
        return _form(visit, given.decode("utf-8"), checked)
    made = _register(visit).put(given, actor=visit.actor)
    return visit.see(f"{_PAGE}/{made.profile_id}", "profile")


def _form(visit: Visit, text: str, checked: Profile | None) -> Response:
    present_ids = {each.profile_id: each for each in _register(visit).profiles()}
    return visit.page(
        "profile_new.html",
        text=text,
        checked=checked,
        rules=[] if checked is None else _rules(checked),
        before=None if checked is None else present_ids.get(checked.profile_id),
        new=_NEW,
    )


def remove_profile(visit: Visit) -> Response:
    """Take a disabled profile away; its versions stay, for requests name them."""
    if visit.text("sure") != "yes":
        raise UsageError(
            "profile.not_sure", "Nothing was removed.", hint="Tick the box beside Remove."
        )
    _register(visit).remove(visit.path("profile_id"), actor=visit.actor)
    return visit.see(_PAGE, "removed")


def _register(visit: Visit) -> ProfileRegister:
    return present(visit.services.ca, "CA").profile_register


ROUTES: Final = (
    get(_PAGE, Action.READ_PROFILE, profiles),
    get(_NEW, Action.CONFIGURE_CA, new_profile),
    post(_NEW, Action.CONFIGURE_CA, put_profile, again=new_profile),
    get(_ONE, Action.READ_PROFILE, profile),
    get(f"{_ONE}/versions/{{version}}", Action.READ_PROFILE, document),
    post(f"{_ONE}/remove", Action.CONFIGURE_CA, remove_profile, again=profile),
    post(f"{_ONE}/{{switch}}", Action.APPROVE_PROFILE, switch_profile, again=profile),
)
