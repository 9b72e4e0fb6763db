"""A scripted AWS for what the embedded world cannot do, and an environment without anybody's credentials."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from console.clients.aws import Cloud
from console.settings import Context

JSON = "application/x-amz-json-1.1"


@dataclass
class Reply:
    body: bytes | str = b"{}"
    status: int = 200
    kind: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False
    promise: int | None = None
    """Content-Length, if it should be a lie."""
    delay_s: float = 0.0


@dataclass
class Request:
    target: str
    key: str
    agent: str
    body: bytes
    token: str


class Teller:
    """Answers by a function of the request; keeps the requests."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Reply] = lambda request: Reply()
        teller = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                signature = self.headers.get("Authorization", "")
                key = signature.partition("Credential=")[2].partition("/")[0]
                target = self.headers.get("X-Amz-Target", self.path).rpartition(".")[2]
                agent = self.headers.get("User-Agent", "")
                request = Request(target, key, agent, body, self.headers.get("X-Amz-Security-Token", ""))
                teller.requests.append(request)
                reply = teller.answer(request)
                if reply.delay_s:
                    teller.gate.wait(reply.delay_s)
                if reply.hang_up:
                    self.close_connection = True
                    self.connection.close()
                    return
                data = reply.body.encode() if isinstance(reply.body, str) else reply.body
                try:
                    self.send_response(reply.status)
                    self.send_header("Content-Type", reply.kind)
                    length = len(data) if reply.promise is None else reply.promise
                    self.send_header("Content-Length", str(length))
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(data)
                except OSError:
                    return
                if reply.promise is not None:
                    self.close_connection = True

            do_GET = do_HEAD = do_PUT = do_POST

            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string(teller.now()) if timestamp is None else ""

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.gate = threading.Event()
        self.now: Callable[[], float | None] = lambda: None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @property
    def targets(self) -> list[str]:
        return [request.target for request in self.requests]


def failure(code: str, message: str = "", status: int = 400) -> Reply:
    """An error as JSON services send it."""
    import json

    return Reply(json.dumps({"__type": code, "message": message}), status)


@pytest.fixture
def teller() -> Iterator[Teller]:
    teller = Teller()
    thread = threading.Thread(target=teller.server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield teller
    teller.gate.set()
    teller.server.shutdown()
    teller.server.server_close()


@pytest.fixture(autouse=True)
def nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No credentials and no configuration but what a test writes under `tmp_path/.aws`."""
    for name in [
        name for name in os.environ if name.startswith(("AWS_", "LASTGOOD_")) or name.lower().endswith("_proxy")
    ]:
        monkeypatch.delenv(name)
    aws = tmp_path / ".aws"
    aws.mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(aws / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(aws / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # botocore expands these at import, before HOME was changed.
    monkeypatch.setattr("botocore.credentials.SSOProvider._SSO_TOKEN_CACHE_DIR", str(aws / "sso" / "cache"))
    monkeypatch.setattr("botocore.tokens.SSOTokenProvider._SSO_TOKEN_CACHE_DIR", str(aws / "sso" / "cache"))
    return aws


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATESTTESTTEST0001")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cr3t/neverShownAnywhere+0123456789abcd")


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def context(url: str = "", **values: object) -> Context:
    fields = {"name": "test", "ambient": True, "region": "eu-central-1", "endpoint_url": url} | values
    return Context(**fields)  # type: ignore[arg-type]


def cloud(url: str, clock: Clock | None = None, read_s: float = 10, **values: object) -> Cloud:
    """With a budget that never makes a test wait."""
    from console.clients.budget import Budget

    free = Budget(wait=lambda seconds: None)
    return Cloud(context(url, **values), budget=free, connect_s=3, read_s=read_s, clock=clock or time.monotonic)
