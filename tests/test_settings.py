"""Contexts and options from file, environment and flags; each mistake is one line."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from console.errors import UsageError
from console.settings import OPTIONS, Context, Settings

FILE = """
context = "prod"
local_time = true

[contexts.prod]
profile = "ml-prod"
act_profile = "ml-prod-operator"
region = "eu-central-1"
mlflow_uri = "https://mlflow.example.org"
guarded = true
freeze = [
  { from = 2026-12-20, to = 2027-01-02T12:00:00Z, reason = "year end" },
  { from = "Fri 16:00", to = "Mon 07:00", zone = "Europe/Berlin", reason = "weekend" },
]

[contexts.dev]
read_only = true
"""


def load(tmp_path: Path, text: str | None = FILE, env: dict[str, str] | None = None, **flags: Any) -> Settings:
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state")} | (env or {})
    if text is not None:
        folder = tmp_path / "config" / "lastgood"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(text)
    return Settings.load(environ, flags=flags)


def test_no_file_and_no_environment(tmp_path: Path) -> None:
    settings = load(tmp_path, None)
    assert settings.current == Context(name="default", ambient=True)
    assert settings.config_path is None and settings.state_dir == tmp_path / "state" / "lastgood"
    assert settings.ledger == settings.state_dir / "ledger.db"


def test_the_standard_environment_is_enough(tmp_path: Path) -> None:
    env = {"AWS_PROFILE": "p", "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-east-1"}
    env |= {"AWS_ENDPOINT_URL": "http://localhost:5000/", "MLFLOW_TRACKING_URI": "http://localhost:5001"}
    current = load(tmp_path, None, env).current
    assert (current.name, current.profile, current.region) == ("default", "p", "eu-west-1")
    assert (current.endpoint_url, current.mlflow_uri) == ("http://localhost:5000", "http://localhost:5001")
    assert load(tmp_path, None, {"AWS_DEFAULT_REGION": "us-east-1"}).current.region == "us-east-1"


def test_file(tmp_path: Path) -> None:
    settings = load(tmp_path)
    prod = settings.current
    assert prod.name == "prod" and prod.profile == "ml-prod" and prod.guarded and not prod.ambient
    assert settings.local_time and settings.contexts["dev"].read_only
    assert settings.config_path == tmp_path / "config" / "lastgood" / "config.toml"


def test_environment_beats_file_and_flags_beat_both(tmp_path: Path) -> None:
    env = {"LASTGOOD_CONTEXT": "dev", "LASTGOOD_LOCAL_TIME": "0", "LASTGOOD_STATE_DIR": str(tmp_path / "s")}
    settings = load(tmp_path, env=env)
    assert settings.current.name == "dev" and not settings.local_time and settings.state_dir == tmp_path / "s"
    assert load(tmp_path, env=env, context="prod", local_time=True, state_dir=None).current.name == "prod"


def test_read_only_anywhere_makes_every_context_read_only(tmp_path: Path) -> None:
    for settings in (load(tmp_path, env={"LASTGOOD_READ_ONLY": "yes"}), load(tmp_path, read_only=True)):
        assert all(context.read_only for context in settings.contexts.values())
    assert not load(tmp_path).contexts["prod"].read_only


def test_several_contexts(tmp_path: Path) -> None:
    assert [context.name for context in load(tmp_path, context="dev,prod").selected] == ["dev", "prod"]
    assert [context.name for context in load(tmp_path, context="all").selected] == ["prod", "dev"]


def test_flags_for_the_chosen_context_only(tmp_path: Path) -> None:
    settings = load(tmp_path, region="us-east-1", profile="other")
    assert settings.contexts["prod"].region == "us-east-1" and settings.contexts["prod"].profile == "other"
    assert settings.contexts["dev"].region == ""
    assert not load(tmp_path, None, profile="p").current.ambient


def test_every_setting_has_its_variable_and_says_what_it_is(tmp_path: Path) -> None:
    source = Path(__file__).parents[1].joinpath("console/settings.py").read_text()
    for cls in (Context, Settings):
        body = source.partition(f"class {cls.__name__}(")[2].partition("\n    def ")[0].partition("    @property")[0]
        for name in cls.__struct_fields__:
            _, _, rest = body.partition(f"\n    {name}: ")
            assert rest.partition("\n")[2].lstrip().startswith('"""'), f"{cls.__name__}.{name} has no docstring"
    texts = {"context": "dev", "state_dir": "/s", "ledger": "/l", "read_only": "1", "local_time": "1", "call_log": "/c"}
    texts |= {"timeout": "1m", "metrics_dollars_per_hour": "0.2"}
    assert texts.keys() == set(OPTIONS)
    for option, text in texts.items():
        changed = load(tmp_path, env={f"LASTGOOD_{option.upper()}": text})
        assert getattr(changed, option) != getattr(load(tmp_path, FILE.replace("local_time = true", "")), option)


@pytest.mark.parametrize(
    ("text", "says", "allowed"),
    [
        ("colour = 1", "colour: no such setting", "local_time"),
        ("read_only = 'yes'", "read_only: must be true or false, not a str", ""),
        ("context = 7", "context: must be a text in quotes, not 7", ""),
        ("metrics_dollars_per_hour = 'x'", "metrics_dollars_per_hour: must be a number, not a str", ""),
        ("metrics_dollars_per_hour = -1", "metrics_dollars_per_hour: must be 0 or more", "0 reads no metrics"),
        ("metrics_dollars_per_hour = nan", "metrics_dollars_per_hour: must be 0 or more", "0 reads no metrics"),
        ("contexts = 3", "contexts: must be tables", ""),
        ("[contexts]\nprod = 1", "contexts.prod: must be a table", ""),
        ("[contexts.prod]\nregoin = 'x'", "contexts.prod: regoin: no such setting", "act_profile, region"),
        ("[contexts.prod]\nname = 'x'", "name: no such setting", ""),
        ("[contexts.prod]\nguarded = 1", "contexts.prod: guarded: must be true or false, not 1", ""),
        ("[contexts.all]", "contexts.all: a context's name", ""),
        ("[contexts.'a b']", "a context's name", ""),
        ("context = 'x'\n[contexts.prod]", "no context 'x'", "has prod"),
        ("context = 'x'", "no context 'x'", "has default"),
        ("[contexts.prod]\nendpoint_url = 'localhost:1'", "endpoint_url: must begin with http", ""),
        ("[contexts.prod]\nmlflow_uri = 'https://bo:hunter2@x'", "mlflow_uri: holds a user", "secrets are not"),
        ("[contexts.prod]\nfreeze = 'always'", "freeze: must be a list", ""),
        ("[contexts.prod]\nfreeze = [{from = 'Fri 16:00'}]", "freeze[0]: must be {from, to, reason}", ""),
        ("[contexts.prod]\nfreeze = [{from = 'Fri 25:00', to = 'Mon 7:00', reason = 'x'}]", "both be moments", ""),
        ("[contexts.prod]\nfreeze = [{from = 'Fri 16:00', to = 2026-01-01, reason = 'x'}]", "both be moments", ""),
        ("[contexts.prod]\nfreeze = [{from = 2026-01-02, to = 2026-01-01, reason = 'x'}]", "ends before", ""),
        ("[contexts.prod]\nfreeze = [{from = 'Fri 1:00', to = 'Fri 1:00', reason = 'x'}]", "same minute", ""),
        ("[contexts.prod]\nfreeze = [{from = 'Fri 1:00', to = 'Sat 1:00', reason = 'x', zone = 'Mars/A'}]", "zone", ""),
        ("[contexts.prod]\nfreeze = [{from = 'Fri 1:00', to = 'Sat 1:00', reason = 'x', zone = '../x'}]", "zone", ""),
        ("a =", "config.toml: Invalid value", "TOML"),
    ],
)
def test_mistakes_are_one_line_that_names_file_key_and_what_is_allowed(
    tmp_path: Path, text: str, says: str, allowed: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, text)
    line = f"{caught.value.message} ({caught.value.advice})"
    assert says in line and allowed in caught.value.advice and "\n" not in line and "hunter2" not in line
    assert "config.toml" in line


def test_other_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        Settings.load({"LASTGOOD_CONFIG": str(tmp_path / "none.toml")})
    with pytest.raises(UsageError, match="is a folder"):
        Settings.load({"LASTGOOD_CONFIG": str(tmp_path)})
    (tmp_path / "latin").write_bytes(b"context = '\xe9'")
    with pytest.raises(UsageError, match="no UTF-8"):
        Settings.load({"LASTGOOD_CONFIG": str(tmp_path / "latin")})


@pytest.mark.parametrize("variable", ["LASTGOOD_READ_ONLY", "LASTGOOD_LOCAL_TIME"])
def test_bad_variables(tmp_path: Path, variable: str) -> None:
    with pytest.raises(UsageError, match=f"{variable}: must be 1 or 0, not 'maybe'"):
        load(tmp_path, env={variable: "maybe"})


def test_a_typo_of_a_variable_does_not_pass_silently(tmp_path: Path) -> None:
    settings = load(tmp_path, env={"LASTGOOD_READONLY": "1"})
    assert "LASTGOOD_READONLY is no setting" in settings.warnings[0] and "LASTGOOD_READ_ONLY" in settings.warnings[0]
    assert load(tmp_path).warnings == ()


def test_state_folder_is_private(tmp_path: Path) -> None:
    settings = load(tmp_path)
    settings.state_dir.mkdir(parents=True, mode=0o755)
    assert stat.S_IMODE(settings.make_state_dir().stat().st_mode) == 0o700
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot use") as caught:
        load(tmp_path, state_dir=str(tmp_path / "file" / "x")).make_state_dir()
    assert "LASTGOOD_STATE_DIR" in caught.value.advice


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("moment", "reason"),
    [
        ("2026-12-19T23:59:59", "weekend"),  # a Saturday
        ("2026-12-22T00:00", "year end"),
        ("2027-01-02T11:59", "year end"),
        ("2026-11-23T05:59", "weekend"),  # Monday 06:59 in Berlin
        ("2026-11-23T06:00", None),
        ("2026-11-20T14:59", None),
        ("2026-11-20T15:00", "weekend"),  # Friday 16:00 in Berlin's winter
        ("2026-07-17T13:59", None),
        ("2026-07-17T14:00", "weekend"),  # the same in its summer
        ("2026-11-25T12:00", None),
    ],
)
def test_freeze_calendar(tmp_path: Path, moment: str, reason: str | None) -> None:
    found = load(tmp_path).current.frozen_at(at(moment))
    assert (found.reason if found else None) == reason
