"""What the first line of every screen says of the data: the worst that is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.clients.identity import Identity, remember
from console.clock import MINUTE, now_ms
from console.collector.beat import BEAT, SILENT
from console.fleet.feed import LedgerFeed
from console.fleet.header import Unread
from console.kinds.vitals.cost import MEMO, Cost, memo
from console.ledger.samples import Sample
from console.settings import Settings

ENV = {"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "AKIATESTTESTTEST0001", "AWS_SECRET_ACCESS_KEY": "x"}


def identity(account: str) -> Identity:
    arn = f"arn:aws:sts::{account}:assumed-role/OnCall/maria"
    return Identity(account=account, arn=arn, user="OnCall/maria", partition="aws", region="eu-central-1")


@pytest.fixture
def feed(tmp_path: Path) -> LedgerFeed:
    env = {**ENV, "HOME": str(tmp_path), "LASTGOOD_STATE_DIR": str(tmp_path)}
    settings = Settings.load(env)
    mine = identity("123456789012")
    remember(tmp_path, settings.current, mine, env)
    return LedgerFeed(settings, settings.current, mine.scope, env, collect=False)


def says(feed: LedgerFeed) -> str:
    return feed.header(now_ms()).freshness


def test_from_the_first_look_to_live_and_back(feed: LedgerFeed) -> None:
    coverage, now = feed.ledger.coverage, now_ms()
    assert says(feed) == "waiting for the first look"
    coverage.fail(feed.scope, BEAT, now, "ExpiredToken", "expired")
    assert says(feed) == "collector: ExpiredToken"
    coverage.cover(feed.scope, "endpoints", now, every_ms=MINUTE)
    coverage.cover(feed.scope, BEAT, now, every_ms=10_000)
    assert says(feed) == "live"
    coverage.fail(feed.scope, "changes", now, "AccessDeniedException", "no")
    assert says(feed) == "changes: AccessDeniedException"
    coverage.fail(feed.scope, "changes", now, "ReadTimeoutError", "no")
    assert says(feed) == "changes: does not answer"
    coverage.fail(feed.scope, "endpoints", now, "EndpointConnectionError", "no")
    assert says(feed).startswith("AWS does not answer"), "none of them does"
    coverage.cover(feed.scope, "endpoints", now, every_ms=MINUTE)
    coverage.cover(feed.scope, "changes", now - 10 * MINUTE, every_ms=MINUTE)
    assert says(feed) == "data 10 m old"
    coverage.remember(feed.scope, SILENT, str(now))
    assert says(feed) == "AWS does not answer, data 10 m old"


def test_a_collector_that_stopped_beating_is_none(feed: LedgerFeed) -> None:
    coverage, now = feed.ledger.coverage, now_ms()
    coverage.cover(feed.scope, "endpoints", now, every_ms=MINUTE)
    coverage.cover(feed.scope, BEAT, now - 30_000, every_ms=10_000)
    assert says(feed) == "live"
    coverage.remember(feed.scope, SILENT, str(now))
    assert says(feed) == "AWS does not answer"
    coverage.remember(feed.scope, SILENT, "")
    assert feed.header(now + 15_000).freshness == "no collector"


def test_why_a_list_was_never_read(feed: LedgerFeed) -> None:
    coverage, now = feed.ledger.coverage, now_ms()
    assert feed.unread("endpoint") == Unread()
    coverage.remember(feed.scope, SILENT, str(now))
    assert feed.unread("endpoint") == Unread("AWS does not answer", "lastgood doctor tells why")
    coverage.fail(feed.scope, BEAT, now, "NoCredentialsError", "no AWS credentials")
    assert feed.unread("endpoint") == Unread("no AWS credentials", "lastgood doctor tells why")
    coverage.fail(feed.scope, "endpoints", now, "AccessDeniedException", "not permitted")
    assert feed.unread("endpoint") == Unread("not permitted", "lastgood iam --role reader prints the policy")
    coverage.cover(feed.scope, "endpoints", now, every_ms=MINUTE)
    assert feed.unread("endpoint") is None


def test_other_credentials_behind_the_context_are_said(feed: LedgerFeed) -> None:
    remember(feed.settings.state_dir, feed.context, identity("999999999999"), feed.child_env)
    assert says(feed) == "credentials are of 999999999999 now"


def test_news_of_the_ledger_is_told_once(feed: LedgerFeed) -> None:
    feed.changed()
    assert not feed.changed()
    feed.ledger.observe(feed.scope, "endpoint", [("a", b"{}", None)], at=now_ms())
    assert feed.changed() and not feed.changed()


def test_new_measurements_are_news_and_their_price_is_in_the_header(feed: LedgerFeed) -> None:
    now = now_ms()
    assert feed.changed() and not feed.changed() and feed.header(now).dollars_per_hour is None
    feed.ledger.samples.put(feed.scope, "pulse", [Sample("a", now, b"{}")], alone=True)
    assert feed.changed() and not feed.changed()
    feed.ledger.samples.put(feed.scope, "vitals", [Sample("a", now, b"{}")])
    assert not feed.changed(), "minutes come with a pulse"
    feed.ledger.coverage.remember(feed.scope, MEMO, memo(Cost().with_spent(now, 12_000)))
    assert feed.header(now).dollars_per_hour == pytest.approx(0.12)
