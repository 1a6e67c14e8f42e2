"""A CA's REST as Dogtag PKI speaks it, asked as its own command line asks it.

Versions: v1 (``/ca/rest``) where the server has it, since only it says how many there are in all,
else v2. The server keeps a session by cookie: the nonce that a review gives is only good within
the session that asked for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

from sealwire.bootstrap.remote import unreachable
from sealwire.errors import RefusedError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATHS: Final[Mapping[str, str]] = {"v1": "rest", "v2": "v2"}
VERSIONS: Final = tuple(_PATHS)
"""What may be asked for by name."""

AUDIT_FORMAT: Final = "audit_format"
"""Under this name a Sealwire server says among the attributes of its ``info`` how it prints ids."""

_HEXADECIMAL_SINCE: Final = (11, 1)
_LOG_IN: Final = "log in with -n NICKNAME, or with -u USER and -w PASSWORD"
_WITHOUT_JSON: Final[Mapping[int, str]] = {
    401: "UnauthorizedException",
    404: "ResourceNotFoundException",
}
"""What the command line calls an answer without Dogtag's JSON; else PKIException."""


class DogtagError(RefusedError):
    """The server's own refusal; ``class_name`` is what Dogtag calls it, without the package."""

    def __init__(self, class_name: str, message: str, *, status: int, hint: str = "") -> None:
        super().__init__(f"dogtag.{status}", message, hint=hint)
        self.class_name = class_name
        self.status = status


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What the server says of itself. ``audit_format`` says how its numbers are printed."""

    version: str = ""
    banner: str | None = None
    audit_format: str = "11.4"


class DogtagClient:
    """Calls one CA. ``info`` is what :meth:`connect` learned."""

    def __init__(self, http: httpx.Client, *, api: str = "") -> None:
        self._http = http
        self._api = api
        self.info = ServerInfo()

    def connect(self) -> ServerInfo:
        """Find the version to speak, and what the server says of itself."""
        wanted = [self._api] if self._api else ["v1", "v2"]
        for version in wanted:
            self._api = version
            try:
                found = self._json("GET", f"/pki/{_PATHS[version]}/info")
            except DogtagError as error:
                if error.status != httpx.codes.NOT_FOUND:
                    raise
            else:
                self.info = _server_info(found)
                break
        return self.info

    def log_in(self) -> None:
        """Begin a session as whom the connection shows. Raises DogtagError."""
        self._json("GET", self._ca("account/login"))

    def log_out(self) -> None:
        """End the session."""
        self._json("GET", self._ca("account/logout"))

    def get(self, path: str, **parameters: object) -> Any:  # noqa: ANN401 - JSON
        """Read ``path`` below the CA; parameters that are None are not sent."""
        return self._json("GET", self._ca(path), params=_sent(parameters))

    def post(self, path: str, body: object = None, **parameters: object) -> Any:  # noqa: ANN401 - JSON
        """Send ``body`` as JSON (None: nothing) to ``path`` below the CA."""
        given = {} if body is None else {"json": body}
        return self._json("POST", self._ca(path), params=_sent(parameters), **given)

    def patch(self, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
        """Change what is at ``path`` below the CA."""
        return self._json("PATCH", self._ca(path), json=body)

    def put(self, path: str, body: object) -> Any:  # noqa: ANN401 - JSON
        """Replace what is at ``path`` below the CA."""
        return self._json("PUT", self._ca(path), json=body)

    def delete(self, path: str) -> None:
        """Remove what is at ``path`` below the CA."""
        self._json("DELETE", self._ca(path))

    def content(self, path: str, *, accept: str = "application/octet-stream") -> bytes:
        """The bytes at ``path`` below the CA."""
        return self._send("GET", self._ca(path), headers={"Accept": accept}).content

    def send_content(self, method: str, path: str, content: bytes) -> bytes:
        """Send bytes to ``path`` below the CA; the bytes that it answers."""
        # Dogtag's services take raw profiles as if they were JSON.
        headers = {"Content-Type": "application/json"}
        return self._send(method, self._ca(path), content=content, headers=headers).content

    def _ca(self, path: str) -> str:
        return f"/ca/{_PATHS[self._api]}/{path}"

    def _json(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        headers = {"Accept": "application/json"}
        response = self._send(method, path, headers=headers, **arguments)
        if not response.content:
            return None
        try:
            return response.json()
        except ValueError:
            raise unexpected(f"{response.status_code} {response.reason_phrase}") from None

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401 - passed on
        try:
            response = self._http.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise unreachable(self._http, error) from error
        if not response.is_success:
            raise _refusal(response)
        return response


def unexpected(what: str) -> UnavailableError:
    """The error for an answer that no Dogtag gives."""
    return UnavailableError("http.unexpected", f"unexpected answer: {what}", hint="is this a CA?")


def _refusal(response: httpx.Response) -> DogtagError:
    status = response.status_code
    hint = _LOG_IN if status == httpx.codes.UNAUTHORIZED else ""
    try:
        document = response.json()
        name, message = str(document["ClassName"]), str(document["Message"])
    except (ValueError, KeyError, TypeError):
        name = _WITHOUT_JSON.get(status, "PKIException")
        return DogtagError(name, response.reason_phrase or str(status), status=status, hint=hint)
    return DogtagError(name.rpartition(".")[2], message, status=status, hint=hint)


def _server_info(document: Any) -> ServerInfo:  # noqa: ANN401 - JSON
    try:
        version = str(document.get("Version") or "")
        attributes = (document.get("Attributes") or {}).get("Attribute") or []
        named = {str(each["name"]): str(each["value"]) for each in attributes}
        banner = document.get("Banner")
    except (AttributeError, KeyError, TypeError):
        raise unexpected("the server's info has another shape") from None
    return ServerInfo(
        version=version,
        banner=None if banner is None else str(banner),
        audit_format=named.get(AUDIT_FORMAT) or _format_of(version),
    )


def _format_of(version: str) -> str:
    """How a Dogtag of that version prints ids; one that does not say is a new one."""
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    if not (major.isdecimal() and minor.isdecimal()):
        return "11.4"
    return "11.4" if (int(major), int(minor)) >= _HEXADECIMAL_SINCE else "10.4.5"


def _sent(parameters: Mapping[str, object]) -> dict[str, str]:
    texts = {name: value for name, value in parameters.items() if value is not None}
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in texts.items()
    }
