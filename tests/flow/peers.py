"""Real syslog programs as peers: rsyslog, syslog-ng and openssl, run in the foreground.

They come from ``.peers`` (``make peers``), run in a folder of the caller's, speak TLS with client
certificates, and are ended by their own process id. A sender needs only where to (`Target`), its
files (`TlsFiles`) and the lines; a receiver chooses its port and writes raw messages, one a line.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sealwire.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.flow.authority import TlsFiles

ROOT = Path(__file__).resolve().parents[2]
PEERS = ROOT / ".peers"
LOOPBACK = "127.0.0.1"


class PeerError(AssertionError):
    """A peer is missing, did not start, or did not do its work in time."""


def wait_until(holds: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Return as soon as ``holds`` does; raise `PeerError` naming ``what`` after ``seconds``."""
    clock = SystemClock()
    deadline = clock.monotonic() + seconds
    while True:
        asked = clock.monotonic()
        if holds():
            return
        answered = clock.monotonic()
        if answered > deadline:
            raise PeerError(f"after {seconds:g} s still not: {what}")
        # Who asks much leaves the processors to those who are waited for.
        time.sleep(max(0.02, answered - asked))


@dataclass(frozen=True)
class Target:
    """Where a sender sends to."""

    port: int
    host: str = LOOPBACK


def free_port() -> int:
    """A TCP port on the loopback interface that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def unpacked(peer: str, pattern: str) -> Path:
    """The one file or folder of an unpacked peer that matches; `PeerError` when it is missing."""
    found = sorted((PEERS / peer).glob(pattern))
    if not found:
        raise PeerError(f"{peer} is not unpacked ({PEERS / peer}): run 'make peers'")
    return found[0]


def library_path(peer: str) -> str:
    """What ``LD_LIBRARY_PATH`` has to name for an unpacked peer."""
    folders = {
        file.parent
        for pattern in ("lib/**", "usr/lib/**")
        for file in (PEERS / peer).glob(f"{pattern}/*.so*")
    }
    return ":".join(sorted(map(str, folders)))


@dataclass
class PeerProcess:
    """One peer in the foreground, in a folder of its own; a context manager starts and ends it."""

    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    peer = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def log(self) -> Path:
        """What the peer itself says."""
        return self.folder / "peer.log"

    @property
    def pid(self) -> int:
        """The running peer's process id."""
        if self.process is None:
            raise PeerError(f"{type(self).__name__} was not started")
        return self.process.pid

    def configuration(self) -> str:
        """The peer's configuration file."""
        raise NotImplementedError

    def command(self, configuration: Path) -> list[str]:
        """What to run."""
        raise NotImplementedError

    def start(self) -> None:
        """Write the configuration and start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "peer.conf"
        path.write_text(self.configuration(), encoding="utf-8")
        environment = {**os.environ, "LD_LIBRARY_PATH": library_path(self.peer), "LC_ALL": "C"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(path),
                cwd=self.folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """End it: politely first, so that it writes out what it holds."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def said(self) -> str:
        """The last lines of the peer's own log, for a failure's message."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-15:])


class Rsyslog(PeerProcess):
    """What sender and receiver share."""

    peer = "rsyslog"
    driver = "ossl"

    def command(self, configuration: Path) -> list[str]:
        program = unpacked(self.peer, "usr/sbin/rsyslogd")
        modules = unpacked(self.peer, "usr/lib/*/rsyslog")
        pid = self.folder / "rsyslog.pid"
        return [str(program), "-n", "-M", str(modules), "-i", str(pid), "-f", str(configuration)]

    def _global(self, files: TlsFiles) -> str:
        return (
            f'global(workDirectory="{self.folder}" net.enableDNS="off" maxMessageSize="64k"\n'
            '  parser.permitSlashInProgramName="on" internalmsg.severity="debug"\n'
            f'  defaultNetstreamDriver="{self.driver}" defaultNetstreamDriverCAFile="{files.ca}"\n'
            f'  defaultNetstreamDriverCertFile="{files.certificate}"\n'
            f'  defaultNetstreamDriverKeyFile="{files.key}")\n'
        )


class SyslogNg(PeerProcess):
    """What sender and receiver share."""

    peer = "syslog-ng"

    def command(self, configuration: Path) -> list[str]:
        program = unpacked(self.peer, "usr/sbin/syslog-ng")
        modules = unpacked(self.peer, "usr/lib/syslog-ng/[0-9]*")
        names = {"-f": configuration.name, "-R": "persist", "-c": "ctl", "-p": "pid"}
        files = [
            word for option, name in names.items() for word in (option, str(self.folder / name))
        ]
        return [str(program), "-F", "--stderr", "--module-path", str(modules), *files, "--no-caps"]

    def _tls(self, files: TlsFiles) -> str:
        return (
            f'tls(ca-file("{files.ca}") cert-file("{files.certificate}") key-file("{files.key}") '
            "peer-verify(required-trusted))"
        )

    options = (
        "@version: 3.38\n"
        "options { threaded(yes); use-dns(no); use-fqdn(no); keep-hostname(yes); stats-freq(0);\n"
        "  log-fifo-size(1000000); create-dirs(no); chain-hostnames(no); time-reopen(1); };\n"
    )


@dataclass
class Receiver(PeerProcess):
    """Listens with TLS and demands a client certificate; appends messages to `out`."""

    files: TlsFiles
    port: int = field(default=0, init=False)

    @property
    def out(self) -> Path:
        """The file the messages go to, one a line."""
        return self.folder / "out.log"

    @property
    def target(self) -> Target:
        """Where senders find it."""
        return Target(self.port)

    def start(self) -> None:
        """Start on a free port; try another one when somebody else took it meanwhile."""
        for _ in range(3):
            self.port = free_port()
            super().start()
            try:
                wait_until(self._settled, "listening")
            except PeerError:
                self.stop()
                raise PeerError(f"{type(self).__name__} does not listen:\n{self.said()}") from None
            if self.running():
                return
        raise PeerError(f"{type(self).__name__} did not start:\n{self.said()}")

    def _settled(self) -> bool:
        return not self.running() or self._listening()

    def _listening(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex((LOOPBACK, self.port)) == 0

    def lines(self) -> list[bytes]:
        """What has been stored so far, without line ends."""
        return self.out.read_bytes().splitlines() if self.out.exists() else []

    def wait_for_lines(self, count: int, seconds: float = 60.0) -> list[bytes]:
        """All stored lines as soon as there are ``count``; `PeerError` when they do not come."""
        try:
            wait_until(lambda: len(self.lines()) >= count, f"{count} lines", seconds)
        except PeerError as error:
            raise PeerError(f"{error}, but {len(self.lines())}; it said:\n{self.said()}") from None
        return self.lines()


@dataclass
class RsyslogReceiver(Rsyslog, Receiver):
    """``imtcp`` with the OpenSSL driver, a direct queue and no fsync: its fastest settings.

    ``template`` is a rsyslog string template; ``flush`` writes every transaction out at once, which
    tests want and measurements do not.
    """

    template: str = r"%rawmsg%\n"
    flush: bool = True

    def configuration(self) -> str:
        """Raw messages into `out`."""
        flush = "on" if self.flush else "off"
        return (
            f"{self._global(self.files)}"
            'module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1"\n'
            '  streamDriver.authMode="x509/certvalid" maxSessions="2000" keepAlive="off")\n'
            f'template(name="raw" type="string" string="{self.template}")\n'
            'ruleset(name="store" queue.type="Direct") {\n'
            f'  action(type="omfile" file="{self.out}" template="raw" ioBufferSize="256k"\n'
            f'    flushOnTXEnd="{flush}" asyncWriting="off") stop }}\n'
            f'input(type="imtcp" address="{LOOPBACK}" port="{self.port}" ruleset="store")\n'
            f'action(type="omfile" file="{self.log}")\n'
        )


@dataclass
class SyslogNgReceiver(SyslogNg, Receiver):
    """``syslog(transport("tls"))`` without parsing: its fastest settings."""

    template: str = r"$MESSAGE\n"
    flush_lines: int = 1

    def configuration(self) -> str:
        """Raw messages into `out`."""
        return (
            f"{self.options}"
            f'source s {{ syslog(ip("{LOOPBACK}") port({self.port}) transport("tls")\n'
            "  max-connections(1000) log-iw-size(200000) log-fetch-limit(2000)\n"
            f"  log-msg-size(65536) flags(no-parse) {self._tls(self.files)}); }};\n"
            f'destination d {{ file("{self.out}" template("{self.template}")\n'
            f"  flush-lines({self.flush_lines})); }};\n"
            "log { source(s); destination(d); flags(flow-control); };\n"
        )


@dataclass
class Sender(PeerProcess):
    """Sends each of ``lines`` as one message and stays connected until stopped."""

    target: Target
    files: TlsFiles
    lines: Iterable[bytes]

    @property
    def input(self) -> Path:
        """The file that the sender reads."""
        return self.folder / "in.txt"

    def start(self) -> None:
        """Lay the lines down, then start."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.input.open("wb") as file:
            file.writelines(line + b"\n" for line in self.lines)
        super().start()


@dataclass
class RsyslogSender(Rsyslog, Sender):
    """``omfwd`` over TLS, octet-counted, one message in each TLS record.

    ``driver``: ``ossl`` for OpenSSL, ``gtls`` for GnuTLS. With ``raw`` a line is the whole message
    as it goes over the wire; without, rsyslog builds an RFC 5424 message around it. With
    ``server_name`` the receiver's certificate must carry that name, else a valid chain is enough.
    """

    raw: bool = True
    server_name: str | None = None
    driver: str = "ossl"

    def configuration(self) -> str:
        """Lines of a file to one destination."""
        template = 'template(name="m" type="string" string="%msg%")\n' if self.raw else ""
        name = "m" if self.raw else "RSYSLOG_SyslogProtocol23Format"
        check = 'StreamDriverAuthMode="x509/certvalid"'
        if self.server_name is not None:
            check = (
                f'StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="{self.server_name}"'
            )
        return (
            f"{self._global(self.files)}"
            'module(load="imfile" mode="inotify")\n'
            f"{template}"
            f'input(type="imfile" file="{self.input}" tag="peer" ruleset="send"\n'
            '  freshStartTail="off" addMetadata="off")\n'
            'ruleset(name="send" queue.type="Direct") {\n'
            f'  action(type="omfwd" target="{self.target.host}" port="{self.target.port}"\n'
            f'    protocol="tcp" template="{name}" TCP_Framing="octet-counted"\n'
            f'    StreamDriver="{self.driver}" StreamDriverMode="1" {check}\n'
            '    action.resumeInterval="1" action.resumeRetryCount="-1") stop }\n'
            f'action(type="omfile" file="{self.log}")\n'
        )


@dataclass
class RsyslogRelpSender(Rsyslog, Sender):
    """``omrelp`` over TLS (librelp with OpenSSL): a line is the whole message.

    ``window``: how many messages may be unanswered; librelp's default is 128.
    """

    window: int = 128

    def configuration(self) -> str:
        """Lines of a file to one destination."""
        return (
            f"{self._global(self.files)}"
            'module(load="imfile" mode="inotify")\n'
            'module(load="omrelp" tls.tlslib="openssl")\n'
            'template(name="m" type="string" string="%msg%")\n'
            f'input(type="imfile" file="{self.input}" tag="peer" ruleset="send"\n'
            '  freshStartTail="off" addMetadata="off")\n'
            'ruleset(name="send" queue.type="Direct") {\n'
            f'  action(type="omrelp" target="{self.target.host}" port="{self.target.port}"\n'
            f'    template="m" windowSize="{self.window}" timeout="20"\n'
            f'    tls="on" tls.caCert="{self.files.ca}" tls.myCert="{self.files.certificate}"\n'
            f'    tls.myPrivKey="{self.files.key}" tls.authMode="certvalid"\n'
            '    action.resumeInterval="1" action.resumeRetryCount="-1") stop }\n'
            f'action(type="omfile" file="{self.log}")\n'
        )


@dataclass
class SyslogNgSender(SyslogNg, Sender):
    """``syslog()`` with ``transport("tls")``: two TLS records a message, count and body.

    A line becomes the MSG of an RFC 5424 message that syslog-ng builds around it.
    """

    def configuration(self) -> str:
        """Lines of a file to one destination."""
        return (
            f"{self.options}"
            f'source s {{ file("{self.input}" follow-freq(0.1) flags(no-parse)\n'
            "  log-iw-size(100000) log-fetch-limit(1000)); };\n"
            f"destination d {{ {self._destination()} {self._tls(self.files)}); }};\n"
            "log { source(s); destination(d); flags(flow-control); };\n"
        )

    def _destination(self) -> str:
        return f'syslog("{self.target.host}" port({self.target.port}) transport("tls")'


@dataclass
class SyslogNgLineSender(SyslogNgSender):
    """``network()`` with ``transport("tls")``: a line is the whole message, ended by LF."""

    def _destination(self) -> str:
        address = f'"{self.target.host}" port({self.target.port})'
        return f'network({address} transport("tls") template("$MESSAGE\\n")'


def octet_counted(lines: Iterable[bytes]) -> bytes:
    """RFC 6587 section 3.4.1 (as in RFC 5425): each message after its length and a space."""
    return b"".join(b"%d %s" % (len(line), line) for line in lines)


def openssl_send(
    target: Target, files: TlsFiles, data: bytes, *words: str, client_certificate: bool = True
) -> subprocess.CompletedProcess[bytes]:
    """Send ``data`` as it is with ``openssl s_client WORDS`` and close; returns how that went.

    The server's chain is verified, its name is not. A refused handshake is a non-zero return code.
    """
    program = shutil.which("openssl")
    if program is None:
        raise PeerError("openssl is not installed: run 'make debian'")
    command = [program, "s_client", "-connect", f"{target.host}:{target.port}"]
    command += ["-CAfile", str(files.ca), "-verify_return_error"]
    if client_certificate:
        command += ["-cert", str(files.certificate), "-key", str(files.key)]
        command += ["-cert_chain", str(files.certificate)]
    # Nothing in the data is taken for a command letter; the end of the data ends the connection.
    command += ["-quiet", "-no_ign_eof", "-nocommands", *words]
    return subprocess.run(command, input=data, capture_output=True, timeout=60, check=False)


def loggen_send(target: Target, lines: Path, count: int, *transport: str) -> None:
    """Send the first ``count`` lines of a file with syslog-ng's ``loggen``, each as it is, with LF.

    ``transport`` are its words for that: ``-U`` for TLS, without a certificate of its own and
    content with any server's; ``-i -S`` for plain TCP, ``-i -D`` for UDP.
    """
    program = unpacked("syslog-ng", "usr/bin/loggen")
    paths = {
        "LD_LIBRARY_PATH": library_path("syslog-ng"),
        "SYSLOGNG_PREFIX": str(program.parents[1]),
    }
    what = ["--read-file", str(lines), "--dont-parse", "--number", str(count)]
    how = ["--rate", "100000", "--quiet", target.host, str(target.port)]
    subprocess.run(
        [str(program), *transport, *what, *how],
        env={**os.environ, **paths},
        capture_output=True,
        timeout=60,
        check=True,
    )
