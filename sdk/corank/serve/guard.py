"""Who may use the app, and how much one request may bring.

Knows hosts, names and passwords, and HTTP at the ASGI level; knows nothing of gradio.
"""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from corank.errors import ConfigError

PASSWORD = "CORANK_PASSWORD"  # noqa: S105  the name of an environment variable
USER = "corank"
MAX_BODY = 1_000_000  # bytes; the app's own requests take a few thousand
HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
        b"style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
        b"worker-src 'self' blob:; object-src 'none'; frame-ancestors 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
"""Sent with every answer: the page may load nothing from another host."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]
Check = Callable[[str, str], bool]


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server bound to ``host``."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def login(
    host: str, user: str | None, password_file: Path | None, environment: Mapping[str, str]
) -> Check | None:
    """Return what checks a name and a password, or None where no login is asked for.

    The password comes from a file or from ``CORANK_PASSWORD``, never from the command line, where
    other users of the machine would see it.

    Args:
        host: the address to bind to.
        user: the name to log in with; ``corank`` by default.
        password_file: its first line is the password.
        environment: holds ``CORANK_PASSWORD`` where no file is given.

    Raises:
        ConfigError: the host can be reached from other machines and there is no password; a name
            is given without one; or the password is empty or cannot be read.
    """
    password = environment.get(PASSWORD)
    if password_file is not None:
        try:
            password = password_file.read_text("utf-8").partition("\n")[0].rstrip("\r")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"The password cannot be read from {password_file}: {error}.") from (
                error
            )
    mend = f"Give --password-file FILE, or set {PASSWORD}."
    if password is None:
        if user is not None:
            raise ConfigError(f"--user {user!r} has no password. {mend}")
        if not is_loopback(host):
            raise ConfigError(
                f"--host {host} can be reached from other machines and needs a login. {mend}"
            )
        return None
    if not password.strip():
        raise ConfigError(f"The password is empty. {mend}")
    expected = _pair(user or USER, password)
    return lambda name, given: hmac.compare_digest(_pair(name, given), expected)


def _pair(user: str, password: str) -> bytes:
    return f"{user}\0{password}".encode("utf-8", "surrogatepass")


class Guard:
    """ASGI middleware: refuses bodies above `MAX_BODY` with status 413 and adds `HEADERS`."""

    def __init__(self, app: Asgi) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *HEADERS]}
            await send(message)

        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MAX_BODY:
                await _refuse(with_headers)
                return
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return waiting.pop() if waiting else await receive()

        await self.app(scope, replay, with_headers)


async def _refuse(send: Send) -> None:
    text = f"A request may hold at most {MAX_BODY:,} bytes.".encode()
    kind = (b"content-type", b"text/plain; charset=utf-8")
    await send({"type": "http.response.start", "status": 413, "headers": [kind]})
    await send({"type": "http.response.body", "body": text})
