from itertools import product

import pytest

from sealwire.access.roles import (
    ANONYMOUS,
    PUBLIC_ACTIONS,
    ROLE_ACTIONS,
    Action,
    AuthenticatedBy,
    Principal,
    Role,
    allowed_actions,
    home_owner,
    require,
)
from sealwire.errors import ForbiddenError, UnauthorizedError

# The whole matrix once more, written the other way round: who may, for each action.
EVERYBODY = set(Role)
MAY = {
    Action.CONFIGURE_CA: {Role.ADMINISTRATOR},
    Action.SUBMIT_REQUEST: EVERYBODY,
    Action.READ_REQUEST: EVERYBODY,
    Action.LIST_REQUESTS: {Role.AGENT, Role.AUDITOR},
    Action.DECIDE_REQUEST: {Role.AGENT},
    Action.READ_CERTIFICATE: EVERYBODY,
    Action.REVOKE_CERTIFICATE: {Role.AGENT},
    Action.READ_PROFILE: EVERYBODY,
    Action.APPROVE_PROFILE: {Role.AGENT},
    Action.CONFIGURE_APPLIANCE: {Role.ADMINISTRATOR, Role.OPERATOR},
    Action.READ_APPLIANCE: {Role.ADMINISTRATOR, Role.OPERATOR, Role.AUDITOR},
    Action.CONFIGURE_SENSOR: {Role.ADMINISTRATOR, Role.OPERATOR},
    Action.READ_SENSOR: {Role.ADMINISTRATOR, Role.OPERATOR, Role.AUDITOR},
    Action.CONFIGURE_RETENTION: {Role.ADMINISTRATOR},
    Action.HOLD_RECORDS: {Role.ADMINISTRATOR, Role.AUDITOR},
    Action.READ_AUDIT: {Role.AUDITOR},
    Action.EXPORT_AUDIT: {Role.AUDITOR},
    Action.READ_AUDIT_CONFIGURATION: {Role.ADMINISTRATOR, Role.AUDITOR},
    Action.CONFIGURE_AUDIT: {Role.ADMINISTRATOR},
    Action.MANAGE_USERS: {Role.ADMINISTRATOR},
    Action.OPEN_SESSION: EVERYBODY,
    Action.CHANGE_OWN_PASSWORD: EVERYBODY,
    Action.SET_PASSWORD: set(),
}


def somebody(*roles: Role) -> Principal:
    return Principal("somebody", frozenset(roles), AuthenticatedBy.PASSWORD)


def test_the_table_speaks_of_every_role_and_action() -> None:
    assert set(ROLE_ACTIONS) == set(Role)
    assert set(MAY) == set(Action)


@pytest.mark.parametrize(("role", "action"), list(product(Role, Action)))
def test_every_cell(role: Role, action: Action) -> None:
    if role in MAY[action]:
        require(somebody(role), action)
        return
    with pytest.raises(ForbiddenError) as refused:
        require(somebody(role), action)
    assert refused.value.code == "access.denied"
    assert all(able in refused.value.hint for able in MAY[action])


@pytest.mark.parametrize("action", list(Action))
def test_anybody(action: Action) -> None:
    if action in PUBLIC_ACTIONS:
        require(ANONYMOUS, action)
        return
    with pytest.raises(UnauthorizedError) as refused:
        require(ANONYMOUS, action)
    assert refused.value.code == "access.login_required"


def test_anybody_may_only_ask_and_look_up() -> None:
    assert {
        Action.SUBMIT_REQUEST,
        Action.READ_REQUEST,
        Action.READ_CERTIFICATE,
        Action.READ_PROFILE,
    } == PUBLIC_ACTIONS


@pytest.mark.parametrize("action", sorted(set(Action) - PUBLIC_ACTIONS))
def test_logged_in_without_a_role(action: Action) -> None:
    with pytest.raises(ForbiddenError):
        require(somebody(), action)


def test_roles_add_up() -> None:
    both = allowed_actions(somebody(Role.ADMINISTRATOR, Role.AGENT))
    assert both == allowed_actions(somebody(Role.ADMINISTRATOR)) | allowed_actions(
        somebody(Role.AGENT)
    )


def test_the_owner_of_the_home_may_do_everything() -> None:
    assert allowed_actions(home_owner("root")) == set(Action)
