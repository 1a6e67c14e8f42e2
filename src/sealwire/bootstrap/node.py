"""Runs a node: opens everything, says READY, waits for a signal, closes everything in order."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import signal
import threading
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import structlog
import typer

from sealwire.audit.events import audit_log_shutdown, audit_log_startup
from sealwire.bootstrap import compose
from sealwire.bootstrap.console_identity import console_identity
from sealwire.bootstrap.credentials import CaSetup
from sealwire.bootstrap.home import Home
from sealwire.bootstrap.network_names import local_host, url_host
from sealwire.bootstrap.roles import running_roles
from sealwire.bootstrap.session_watch import SessionWatch
from sealwire.net import http
from sealwire.sensor.receiving import Transport
from sealwire.x509 import lint
from sealwire.x509.keys import KeyType

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Sequence
    from pathlib import Path

    from sealwire.audit.events import Event
    from sealwire.bootstrap.front import Front
    from sealwire.bootstrap.roles import Roles
    from sealwire.config.node import NodeConfig
    from sealwire.net.workers import ReceiverPool
    from sealwire.stores.sql_transaction import SqlTransaction

log = structlog.get_logger(__name__)
# Loaded while the receivers begin.
_WEB: Final = "sealwire.bootstrap.front"


def run_roles(config: NodeConfig, pool: ReceiverPool | None) -> None:
    """Run until SIGTERM or SIGINT; the home's lock is held, and ``pool`` is bound.

    Raises UnavailableError when something cannot be opened.
    """
    home = Home(config.home)
    try:
        compose.remember(home, config)
        base = compose.lay_foundation(config)
        encrypted = base.keys.encrypt_all()
        if encrypted:
            log.info("keys that lay in clear were encrypted", count=encrypted)
        roles = running_roles(base, pool)
        try:
            asyncio.run(_serve(roles))
        finally:
            roles.base.close()
    finally:
        home.state_file.unlink(missing_ok=True)
        home.socket.unlink(missing_ok=True)


class _Running:
    """The roles' own threads and processes: they begin while the web apps are being loaded."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles
        self._begun = asyncio.create_task(asyncio.to_thread(roles.start))
        self._stopped = False

    async def begun(self) -> None:
        """Return once they run. Raises what their start raised."""
        await self._begun

    async def stop(self) -> None:
        """End them, if they run."""
        if self._stopped:
            return
        self._stopped = True
        await asyncio.wait([self._begun])
        if self._begun.exception() is None:
            await asyncio.to_thread(self._roles.stop)


async def _serve(roles: Roles) -> None:
    """Open the parts in the order in which they need each other; the roles' own end first."""
    stopping = _signals(roles)
    async with AsyncExitStack() as stack:
        # Ports first: the one-time password of a first run must not be lost over a taken one.
        listeners = _open_listeners(roles)
        password = await asyncio.to_thread(_first_run, roles)
        _record(roles, audit_log_startup())
        await asyncio.to_thread(roles.join, _console_url(roles, listeners))
        running = _Running(roles)
        stack.push_async_callback(running.stop)
        await _open_web(roles, listeners, stack)
        await running.begun()
        _announce(roles, listeners, password)
        _start_slowly(roles)
        await stopping.wait()
        log.info("stopping")
        _record(roles, audit_log_shutdown())
        await running.stop()


async def _open_web(roles: Roles, listeners: _Listeners, stack: AsyncExitStack) -> None:
    web = await asyncio.to_thread(import_module, _WEB)
    front: Front = await asyncio.to_thread(web.front_of, roles)
    watch = _session_watch(roles)
    watch.start()
    stack.push_async_callback(asyncio.to_thread, watch.stop)
    serving = await _start_http(roles, listeners, front, watch)
    stack.push_async_callback(_stop_http, serving)
    stack.callback(front.close)


def _start_slowly(roles: Roles) -> None:
    """What neither the start nor the first request need wait for."""
    gc.freeze()
    gc.enable()
    if roles.ca is not None:
        # Takes a third of a second.
        threading.Thread(target=lint.load, name="linter", daemon=True).start()


@dataclass(frozen=True, slots=True)
class _Listeners:
    console: socket.socket
    clear: socket.socket
    owner: socket.socket

    def ports(self) -> tuple[int, int]:
        return int(self.console.getsockname()[1]), int(self.clear.getsockname()[1])


def _signals(roles: Roles) -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, loop.run_in_executor, None, roles.reload)
    return stopping


def _first_run(roles: Roles) -> str:
    """Make what a new home lacks; the agent's one-time password when there was no CA yet."""
    password = ""
    setup = roles.services.ca_setup
    if roles.ca is not None and setup is not None:
        if not roles.ca.is_initialised() and not roles.ca.founding.waiting():
            password = str(setup(KeyType.P256, "", "$System$")["password"])
        roles.ca.founding.announce()
    roles.prepare()
    return password


def _open_listeners(roles: Roles) -> _Listeners:
    config = roles.base.config
    return _Listeners(
        console=http.noting(http.open_tcp(config.listen, config.console_port)),
        clear=http.open_tcp(config.listen, config.http_port),
        owner=http.open_unix(roles.base.home.socket),
    )


async def _start_http(
    roles: Roles, listeners: _Listeners, front: Front, watch: SessionWatch
) -> Sequence[tuple[http.HttpServer, asyncio.Task[None]]]:
    context = http.server_context(*await asyncio.to_thread(_console_tls, roles))
    _follow_changes(roles, context)
    http.watch_handshakes(context, watch.hear)
    plan: list[tuple[Any, Any, socket.socket]] = [
        (front, context, listeners.console),
        (front.api, None, listeners.owner),
        (front.clear, None, listeners.clear),
    ]
    serving = []
    for each, tls, listener in plan:
        server = http.http_server(each, tls, hearer=None if tls is None else watch.hear)
        serving.append((server, asyncio.create_task(server.serve_on([listener]))))
    for server, _ in serving:
        await server.opened.wait()
    return serving


def _session_watch(roles: Roles) -> SessionWatch:
    base, services = roles.base, roles.services
    settlers = [services.log_in.settle, *([services.ca.settle] if services.ca else [])]
    return SessionWatch(base.store, base.recorder, roles.trails()[0], base.clock, settlers)


def _console_tls(roles: Roles) -> tuple[bytes, bytes, str, Path]:
    """Chain, key, whose client certificates count, and where the key may lie for a moment."""
    chain, key = console_identity(roles.base, roles.ca)
    return chain, key, compose.agents_anchor(roles.base), roles.base.home.run


def _follow_changes(roles: Roles, context: ssl.SSLContext) -> None:
    """A CA that comes, or is renewed, while the node runs gives the console its certificate."""
    loop = asyncio.get_running_loop()

    def changed() -> None:
        new = _console_tls(roles)
        # Handshakes are made on the loop: never while the context is being changed.
        loop.call_soon_threadsafe(http.furnish_context, context, *new)

    if isinstance(roles.services.ca_setup, CaSetup):
        roles.services.ca_setup.changed = changed


async def _stop_http(serving: Sequence[tuple[http.HttpServer, asyncio.Task[None]]]) -> None:
    for server, _ in serving:
        server.should_exit = True
    await asyncio.gather(*(task for _, task in serving), return_exceptions=True)


def _record(roles: Roles, event: Event) -> None:
    """One record in the trail of every role that runs here."""

    def use_case(tx: SqlTransaction) -> None:
        for trail in roles.trails():
            roles.base.recorder.record(tx, trail, event)

    roles.base.store.run(use_case)


def _console_url(roles: Roles, listeners: _Listeners) -> str:
    return f"https://{url_host(roles.base.config.host_name)}:{listeners.ports()[0]}"


def _announce(roles: Roles, listeners: _Listeners, password: str) -> None:
    """Write the addresses down, tell them, and say READY on a line of its own."""
    config = roles.base.config
    console, clear = listeners.ports()
    state = {
        "pid": os.getpid(),
        "console_url": f"https://{url_host(local_host(config.listen))}:{console}",
        "console_port": console,
        "http_port": clear,
        **{f"{name}_ports": list(roles.syslog_ports(name)) for name in Transport},
    }
    home = roles.base.home
    home.write_private(home.state_file, json.dumps(state, indent=2).encode("ascii"))
    typer.echo(f"Sealwire {compose.VERSION}, home {home.root}")
    named = url_host(config.host_name)
    typer.echo(f"  API and console  {_console_url(roles, listeners)}")
    typer.echo(f"  clear HTTP       http://{named}:{clear}/ca.crt")
    for name in Transport:
        for port in roles.syslog_ports(name):
            typer.echo(f"  syslog over {name.upper()}  {named}:{port}")
    if password:
        typer.echo(f"  agent caadmin    one-time password {password}")
        typer.echo(f"                   certificate {home.credentials / 'caadmin.pem'}")
    if roles.ca is not None and not roles.ca.is_initialised():
        typer.echo("  CA               waits for its certificate from outside;")
        typer.echo("                   bring it: sealwire ca init --import FILE...")
    print("READY", flush=True)  # noqa: T201 - the promised line, flushed
