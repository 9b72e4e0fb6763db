"""The WSGI front: our services directly, all others by moto, controls of the world under `/_world/`."""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any

from console.world import log_operations, logs, moto_backends, operations, wire
from console.world.artifacts import Artifacts
from console.world.errors import AwsError, unknown_operation
from console.world.faults import Fault
from console.world.wire import Reply, Request

if TYPE_CHECKING:
    from console.world.world import World

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
DROP_KEY = "lastgood.drop"
"""Set in the environ when the server shall close the connection without an answer (or in the middle of one)."""
STREAM_KEY = "lastgood.stream"
"""Set there when the answer goes on: it is sent piece by piece, chunked."""
TAIL_S = 1.0
"""Seconds between two updates of a live tail, as AWS has it."""
TAIL_AT_MOST_S = 3 * 3600.0


class Front:
    def __init__(self, world: World) -> None:
        self.world = world
        self.closed = threading.Event()
        """Ends the answers that go on."""
        self._moto = moto_backends.application()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        request = Request.read(environ, body, "us-east-1")
        control = request.path.startswith("/_world/")
        reply = self._control(request) if control else self._aws(request, environ)
        environ[DROP_KEY] = reply.lost or reply.truncated
        if reply.lost:
            return []
        headers = [*reply.headers]
        environ[STREAM_KEY] = reply.chunks is not None
        if reply.chunks is not None:
            start_response("200 OK", [*headers, ("Transfer-Encoding", "chunked")])
            return reply.chunks
        if request.method != "HEAD":  # there moto says the length of what GET would answer
            headers.append(("Content-Length", str(len(reply.body))))
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
        return [reply.body[: len(reply.body) // 2] if reply.truncated else reply.body]

    def _aws(self, request: Request, environ: dict[str, Any]) -> Reply:
        world = self.world
        fault: Fault | None = None
        try:
            with world.lock:
                world.advance()
                world.calls[request.operation or f"{request.method} {request.service}"] += 1
                parameters = request.parameters() if request.ours else _peek(request)
                fault = world.faults.take(request.service, request.operation, parameters)
                if fault and fault.error:
                    raise fault.error
                if request.ours:
                    reply = self._own(request, parameters, fault)
            if not request.ours:
                reply = self._by_moto(request, environ)
        except AwsError as error:
            reply = wire.refusal(request, error)
        if fault is None:
            return reply
        if fault.delay_s:
            time.sleep(fault.delay_s)  # outside the lock: a slow answer must not slow the other clients
        return dataclasses.replace(reply, lost=fault.lose_response, truncated=fault.truncate)

    def _own(self, request: Request, parameters: dict[str, Any], fault: Fault | None) -> Reply:
        world = self.world
        try:
            now = world.clock.now()
            caller = world.identities.caller(request.access_key, request.user_agent, request.source_ip, now)
            if world.throttle and request.service != "sts":
                world.throttle.admit(request.region, request.operation, now)
            region = world.region(request.region)
            members = world.handle(region, request.service, request.operation, parameters, caller)
            if request.operation == "StartLiveTail":
                return wire.streamed(self._tail(log_operations.Tail(region, parameters)))
        except AwsError:
            raise
        except Exception:
            # A fault of the world itself: said aloud here, and to the client as AWS says it of its own.
            traceback.print_exc(file=sys.stderr)
            raise AwsError("InternalFailure", traceback.format_exc(limit=-1), 500) from None
        return wire.answer(request, members | fault.answer if fault else members)

    def _tail(self, tail: log_operations.Tail) -> Iterator[bytes]:
        yield from log_operations.stream(tail)
        ends = time.monotonic() + TAIL_AT_MOST_S
        while not self.closed.wait(TAIL_S) and time.monotonic() < ends:
            with self.world.lock:
                self.world.advance()
                sent = log_operations.update(tail)
            yield sent

    def _by_moto(self, request: Request, environ: dict[str, Any]) -> Reply:
        """moto's backends have no locks of their own. ReceiveMessage alone goes without ours, as it may wait 20 s."""
        if request.service == "logs":
            with self.world.lock:
                logs.before(self.world.region(request.region), request.operation, request.body)
        if request.service == "s3":
            with self.world.lock:
                self.world.region().of(Artifacts).bring_up_to_date()
        environ["wsgi.input"] = BytesIO(request.body)
        environ["CONTENT_LENGTH"] = str(len(request.body))
        if request.operation == "ReceiveMessage":
            return self._run_moto(request, environ)
        with self.world.lock:
            return self._run_moto(request, environ)

    def _run_moto(self, request: Request, environ: dict[str, Any]) -> Reply:
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            started.append((status, headers))

        try:
            body = b"".join(self._moto(environ, start_response))
        except NotImplementedError:
            raise unknown_operation(request.operation) from None
        status, headers = started[-1]
        kept = [pair for pair in headers if pair[0].lower() != "content-length" or request.method == "HEAD"]
        content_type = next((value for name, value in headers if name.lower() == "content-type"), "")
        if status.startswith("5") and content_type.startswith("text/html"):
            raise unknown_operation(request.operation)
        return Reply(int(status.split()[0]), body, kept)

    def _control(self, request: Request) -> Reply:
        world = self.world
        try:
            with world.lock:
                world.advance()
                match request.method, request.path.removeprefix("/_world/"):
                    case "POST", "faults":
                        for rule in json.loads(request.body):
                            world.faults.add(**rule)
                        told: Any = len(world.faults.rules)
                    case "DELETE", "faults":
                        world.faults.clear()
                        told = 0
                    case "POST", "incident":
                        told = json.loads(request.body)["name"]
                        world.play(told)
                    case "GET", "calls":
                        told = dict(world.calls)
                    case "GET", "operations":
                        told = operations.registered()
                    case _:
                        return Reply(404, b'{"error": "no such control"}\n', _JSON)
        except (AwsError, KeyError, TypeError, ValueError) as error:
            return Reply(400, json.dumps({"error": str(error)}).encode(), _JSON)
        return Reply(200, json.dumps(told).encode(), _JSON)


_JSON = [("Content-Type", "application/json")]


def _peek(request: Request) -> dict[str, Any]:
    """Parameters of a request for moto, for fault rules that match on them; {} where they are no JSON."""
    try:
        return wire.json_object(request.body)
    except (AwsError, UnicodeDecodeError):
        return {}
