"""HTTP on loopback. Keep-alive matters: botocore reuses connections, and a new one costs it a millisecond."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

from console.world.front import DROP_KEY, STREAM_KEY, Front
from console.world.identity import ONCALL, SECRET
from console.world.world import DEFAULT_REGION

if TYPE_CHECKING:
    from types import TracebackType

    from console.world.world import World


class Handler(MotoRequestHandler):  # type: ignore[misc]  # moto is untyped here
    """werkzeug's, with keep-alive: its own `run_wsgi` closes each connection because it cannot know whether the
    body was read. Our front reads every body, and always gives a Content-Length."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else head and body meet the delayed ACK: 40 ms a request
    wbufsize = -1

    def run_wsgi(self) -> None:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        environ = self.environ = self.make_environ()
        if environ.get("wsgi.input_terminated"):
            environ["CONTENT_LENGTH"] = str(-1)  # chunked: read to its end
        try:
            answer = self.server.app(environ, self._start)
            if environ.get(STREAM_KEY):
                self._go_on(answer)
            else:
                body = b"".join(answer)
                self.wfile.write(body if self.command != "HEAD" else b"")
            self.wfile.flush()
        except ConnectionError:
            self.close_connection = True  # the client has gone; so do we
            return
        if environ.get(DROP_KEY):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        with contextlib.suppress(ConnectionError):  # what is left to send to a client that has gone
            super().finish()

    def _go_on(self, pieces: Iterable[bytes]) -> None:
        """Each piece at once, in a chunk of its own, until somebody hangs up."""
        self.wfile.flush()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _start(self, status: str, headers: list[tuple[str, str]], *rest: Any) -> None:
        code, _, phrase = status.partition(" ")
        self.send_response(int(code), phrase)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


class Served:
    """A world that is listening. Close it, or use it as a context manager."""

    def __init__(self, world: World, server: BaseWSGIServer, front: Front) -> None:
        self.world = world
        self._server, self._front = server, front
        self._thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="world", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def env(self) -> dict[str, str]:
        """The standard environment by which any AWS client reaches this world, as the engineer on call."""
        return {
            "AWS_ACCESS_KEY_ID": ONCALL.access_key,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_SESSION_TOKEN": f"lastgood-session-{ONCALL.access_key}",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_REGION": DEFAULT_REGION,
            "AWS_DEFAULT_REGION": DEFAULT_REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def close(self) -> None:
        self._front.closed.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def __enter__(self) -> Served:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(world: World, port: int = 0) -> Served:
    """Raises OSError when the port is taken or not ours to take."""
    # Bound here: werkzeug prints and exits where it cannot.
    front = Front(world)
    with socket.create_server(("127.0.0.1", port), backlog=128) as bound:
        server = make_server("127.0.0.1", port, front, threaded=True, request_handler=Handler, fd=bound.fileno())
    server.daemon_threads = True  # type: ignore[attr-defined]
    return Served(world, server, front)
