"""The console as an ASGI application: each row of the route table behind the same guard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from sealwire.access.roles import Action
from sealwire.console import guards
from sealwire.console.forms import Form, read_form
from sealwire.console.headers import SecurityHeaders
from sealwire.console.live import LiveCounters
from sealwire.console.rendering import environment
from sealwire.console.routing import Gate
from sealwire.console.table import ROUTES
from sealwire.console.visit import Visit, peer_certificate
from sealwire.errors import NotFoundError, SealwireError, UnauthorizedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from sealwire.access.sessions import Stay
    from sealwire.console.routing import ConsoleRoute
    from sealwire.console.services import ConsoleServices

_MAY_STAY_WITH_OLD_PASSWORD: Final = frozenset({"/password", "/logout", "/logout/everywhere"})
_SEE_OTHER: Final = 303


class Console:
    """The pages. ``owns`` tells which addresses are its own; ``close`` ends the live ones."""

    def __init__(self, services: ConsoleServices) -> None:
        self._services = services
        self._templates = environment()
        self._live = LiveCounters(services)
        self._app = self._built()
        firsts = {_first(route.path) for route in ROUTES}
        self._own = firsts | {"static", _first(LiveCounters.path)}

    def owns(self, path: str) -> bool:
        """Whether the address is one of the console's, be it that nothing is there."""
        return _first(path) in self._own

    def close(self) -> None:
        """Let live pages end, so that the listener can close."""
        self._live.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        await self._app(scope, receive, send)

    def _built(self) -> ASGIApp:
        app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
        app.mount("/static", StaticFiles(packages=[("sealwire.console", "static")]))
        app.add_route(LiveCounters.path, self._live.answer, methods=["GET"])
        for route in ROUTES:
            app.add_route(route.path, self._endpoint(route), methods=[route.method])
        app.add_exception_handler(HTTPException, self._no_page)
        return SecurityHeaders(app)

    def _endpoint(self, route: ConsoleRoute) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                form = await read_form(request) if route.changes else Form()
            except SealwireError as error:
                return await run_in_threadpool(self._explained, request, None, error)
            return await run_in_threadpool(self._serve, route, request, form)

        return endpoint

    def _serve(self, route: ConsoleRoute, request: Request, form: Form) -> Response:
        stay = self._stay(request)
        try:
            elsewhere = _must_go_first(route, request, stay)
            if elsewhere is not None:
                return elsewhere
            visit = self._visit(request, stay, form)
            if route.changes:
                guards.check_origin(request)
                guards.check_token(visit.form_token, form.text(guards.TOKEN_FIELD))
            self._check_gate(route, visit)
        except SealwireError as error:
            return self._explained(request, stay, error)
        return self._handled(route, visit)

    def _handled(self, route: ConsoleRoute, visit: Visit) -> Response:
        try:
            response = route.handler(visit)
        except SealwireError as error:
            response = self._once_more(route, visit, error)
        if visit.stay is None and visit.form_token:
            cookie = visit.request.state.stranger
            guards.set_cookie(response, guards.STRANGER_COOKIE, cookie)
        return response

    def _once_more(self, route: ConsoleRoute, visit: Visit, error: SealwireError) -> Response:
        if route.again is None:
            return self._explained(visit.request, visit.stay, error)
        try:
            return route.again(visit.refused(error))
        except SealwireError as second:
            return self._explained(visit.request, visit.stay, second)

    def _stay(self, request: Request) -> Stay | None:
        token = request.cookies.get(guards.SESSION_COOKIE, "")
        if not token:
            return None
        certificate = peer_certificate(request)
        return self._services.log_in.resume(token, certificate=certificate)

    def _visit(self, request: Request, stay: Stay | None, form: Form) -> Visit:
        if stay is None:
            known = guards.stranger_token(request)
            # A form is judged by the cookie it came with; only a page gives out a new one.
            made = known or ("" if form.texts else guards.new_stranger(self._services.random))
            request.state.stranger = made
            token = guards.stranger_form_token(made)
        else:
            token = stay.form_token
        return Visit(request, self._services, self._templates, stay, token, form)

    def _check_gate(self, route: ConsoleRoute, visit: Visit) -> None:
        match route.gate:
            case Gate.ANYBODY:
                return
            case Gate.LOGGED_IN if visit.stay is not None:
                return
            case Action() if visit.stay is not None:
                self._check_role(route, visit, visit.stay, route.gate)
            case _:
                raise UnauthorizedError("access.login_required", "This needs a log-in.")

    def _check_role(self, route: ConsoleRoute, visit: Visit, stay: Stay, action: Action) -> None:
        log_in = self._services.log_in
        log_in.authorize(
            visit.principal,
            action,
            seen=log_in.seen_in(stay.token_sha256),
            info=f"{route.method} {route.path}",
            looks=not route.changes,
        )

    def _explained(self, request: Request, stay: Stay | None, error: SealwireError) -> Response:
        """A page of its own for an error that no form can show."""
        token = "" if stay is None else stay.form_token
        visit = Visit(request, self._services, self._templates, stay, token, error=error)
        return visit.page("error.html")

    async def _no_page(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        found = NotFoundError("page.unknown", "There is no such page.")
        stay = await run_in_threadpool(self._stay, request)
        response = await run_in_threadpool(self._explained, request, stay, found)
        response.status_code = status
        return response


def _must_go_first(route: ConsoleRoute, request: Request, stay: Stay | None) -> Response | None:
    """Where somebody has to go first: to the log-in, or to a password of their own."""
    if stay is None and route.gate is not Gate.ANYBODY:
        if route.changes:
            raise UnauthorizedError(
                "access.login_required",
                "Your session has ended. Nothing was changed.",
                hint="Log in again, then fill in the form anew.",
            )
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(wanted, safe='')}", status_code=_SEE_OTHER)
    held = stay is not None and stay.must_change_password
    if held and route.path not in _MAY_STAY_WITH_OLD_PASSWORD:
        return RedirectResponse("/password", status_code=_SEE_OTHER)
    return None


def _first(path: str) -> str:
    return path.lstrip("/").partition("/")[0]
