"""Users over the API."""

from __future__ import annotations

from tests.unit.api.scene import ApiScene, problem


def test_a_user_comes_changes_and_goes() -> None:
    scene = ApiScene()
    made = scene.owner("POST", "/api/v1/users", json={"name": "carol", "roles": ["agent"]})
    assert made.status_code == 201
    assert made.json()["name"] == "carol"
    known = scene.ask("GET", "/api/v1/ca/requests", auth=("carol", made.json()["password"]))
    assert known.status_code == 200
    changed = scene.owner("PUT", "/api/v1/users/carol/roles", json={"roles": ["operator"]})
    assert changed.json()["roles"] == ["operator"]
    again = scene.owner("POST", "/api/v1/users/carol/reset-password").json()["password"]
    assert again != made.json()["password"]
    assert scene.owner("POST", "/api/v1/users/carol/unlock").status_code == 204
    listed = scene.owner("GET", "/api/v1/users").json()
    carol = next(user for user in listed if user["name"] == "carol")
    assert carol == {
        "name": "carol",
        "full_name": "",
        "roles": ["operator"],
        "must_change_password": True,
        "certificates": [],
        "enabled": True,
    }
    assert scene.owner("DELETE", "/api/v1/users/carol").status_code == 204
    problem(scene.owner("DELETE", "/api/v1/users/carol"), 404, "user.unknown")


def test_no_answer_shows_a_password_hash() -> None:
    scene = ApiScene()
    scene.owner("POST", "/api/v1/users", json={"name": "carol", "roles": ["agent"]})
    assert "argon2" not in scene.owner("GET", "/api/v1/users").text


def test_too_many_wrong_passwords_are_put_off() -> None:
    scene = ApiScene()
    scene.owner("POST", "/api/v1/users", json={"name": "carol", "roles": ["agent"]})
    for _ in range(4):
        got = scene.ask("GET", "/api/v1/ca/requests", auth=("carol", "wrong"))
        problem(got, 401, "login.refused")
    put_off = scene.ask("GET", "/api/v1/ca/requests", auth=("carol", "wrong"))
    problem(put_off, 429, "login.throttled")
