"""What can be wrong with credentials, network and permissions: one line, an exit code, and the rest still works."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.clock import now_ms
from tests.cli.lab import Lab, Result, lab


@pytest.fixture
def fresh(tmp_path: Path, fleet: Lab) -> Lab:
    """The same world with an empty ledger."""
    return Lab(tmp_path, fleet.world, {k: v for k, v in fleet.env.items() if k.startswith("AWS_")})


def one_line(result: Result, code: int, *words: str) -> None:
    assert result.code == code, result
    assert result.err.count("\n") == 1 and "Traceback" not in result.err, result.err
    for word in words:
        assert word in result.err, result.err


def test_no_credentials(fresh: Lab) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        del fresh.env[name]
    one_line(fresh.run("get", "endpoints"), 5, "no AWS credentials")


def test_an_unknown_profile_names_those_there_are(fresh: Lab) -> None:
    (fresh.folder / "aws").write_text("[profile prod]\nregion = eu-central-1\n[profile test]\n")
    env = {"AWS_CONFIG_FILE": str(fresh.folder / "aws")}
    one_line(fresh.run("get", "endpoints", "--profile", "prd", env=env), 5, "prd", "prod", "test")


def test_no_region(fresh: Lab) -> None:
    del fresh.env["AWS_REGION"], fresh.env["AWS_DEFAULT_REGION"]
    one_line(fresh.run("get", "endpoints"), 2, "region")


def test_aws_region_alone_is_enough(fresh: Lab) -> None:
    del fresh.env["AWS_DEFAULT_REGION"]
    assert fresh.run("get", "endpoints").code == 0


def test_expired_credentials_of_the_environment_say_that_a_restart_is_needed(fresh: Lab) -> None:
    fresh.world.faults.add(operation="GetCallerIdentity", code="ExpiredToken", message="The token has expired")
    try:
        result = fresh.run("get", "endpoints")
    finally:
        fresh.world.faults.clear()
    assert result.code == 5 and "expired" in result.err and "start again after renewing" in result.err


def test_credentials_that_expire_behind_a_known_identity_still_serve_the_ledger(fresh: Lab) -> None:
    assert fresh.run("get", "endpoints").code == 0
    fresh.world.faults.add(
        code="ExpiredTokenException", message="The security token included in the request is expired"
    )
    try:
        assert fresh.run("get", "endpoints", "--fresh").code == 5
        assert len(fresh.run("get", "endpoints", "-o", "name").out.split()) == 12
    finally:
        fresh.world.faults.clear()


def test_what_one_service_denies_costs_its_own_cells_only(fresh: Lab) -> None:
    fresh.world.faults.add(
        operation="LookupEvents",
        code="AccessDeniedException",
        message="User: arn:aws:sts::123456789012:assumed-role/OnCall/maria.lindt is not authorized to perform:"
        " cloudtrail:LookupEvents because no identity-based policy allows the cloudtrail:LookupEvents action",
    )
    try:
        result = fresh.run("get", "endpoints", "-o", "json")
        assert result.code == 0 and len(result.json["items"]) == 12
        assert "not permitted: cloudtrail:LookupEvents" in result.err and result.err.count("\n") == 1
        assert result.json["sources"]["changes"]["ok"] is False
        assert "not permitted" in result.json["sources"]["changes"]["error"]
        assert result.json["sources"]["endpoints"]["ok"] is True
        assert all(item["owner"] is None for item in result.json["items"])
        assert fresh.run("triage").code == 0
        doctor = fresh.run("doctor")
        assert doctor.code == 0 and "▲ changes" in doctor.out
    finally:
        fresh.world.faults.clear()


def test_search_denied_is_served_by_lists(fresh: Lab) -> None:
    fresh.world.faults.add(operation="Search", code="AccessDeniedException", message="not authorized")
    try:
        result = fresh.run("get", "endpoints", "-o", "name")
    finally:
        fresh.world.faults.clear()
    assert result.code == 0 and len(result.out.split()) == 12


def test_nothing_permitted_is_an_error_and_no_empty_list(fresh: Lab) -> None:
    for operation in ("Search", "ListEndpoints"):
        fresh.world.faults.add(operation=operation, code="AccessDeniedException", message="not authorized")
    try:
        result = fresh.run("get", "endpoints", "-o", "json")
    finally:
        fresh.world.faults.clear()
    assert result.code == 5 and result.out == "" and "not permitted" in result.err


def test_an_address_where_nobody_answers(fresh: Lab) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    began = now_ms()
    one_line(fresh.run("get", "endpoints", "--endpoint-url", url), 1, "127.0.0.1 cannot be reached", "VPN")
    assert now_ms() - began < 20_000


@pytest.fixture
def portal() -> Iterator[str]:
    """The sign-in page of a hotel's network: every request is answered 200 with HTML."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = b"<html><title>Welcome to the guest network</title></html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_answer_in_html_is_not_an_empty_account(fresh: Lab, portal: str) -> None:
    result = fresh.run("get", "endpoints", "--endpoint-url", portal)
    assert result.code == 1 and result.out == "" and result.err.count("\n") == 1 and "<html>" not in result.err


def test_another_account_behind_the_same_profile_gets_facts_of_its_own(fresh: Lab, tmp_path: Path) -> None:
    assert fresh.run("get", "endpoints").code == 0
    known = fresh.folder / "state" / "identities.json"
    known.write_text(known.read_text().replace("123456789012", "999999999999"))
    result = fresh.run("get", "endpoints", "-o", "json")
    assert result.code == 0 and "signs in to account 123456789012 now" in result.err
    with fresh.ledger() as ledger:
        assert not ledger.heads(fresh.scope.replace("123456789012", "999999999999"), "endpoint")
    assert len(result.json["items"]) == 12


def test_throttled_foreground_reads_back_off_and_come_through(tmp_path: Path) -> None:
    with lab(tmp_path, fleet=3, throttle=True, speed=600.0) as opened:
        assert opened.run("get", "endpoints").code == 0
        with opened.ledger() as ledger:
            counted = ledger.coverage.calls_by_operation(opened.scope, 0)
    assert sum(n for n, _ in counted.values()) >= 5
