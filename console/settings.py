"""Contexts and options: `config.toml`, then `LASTGOOD_*`, then flags. Secrets are not settings.

With no file at all the standard AWS environment makes one context, `default`. Every mistake is one line that names
the file, the key and what is allowed.
"""

from __future__ import annotations

import math
import os
import re
import stat
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from console.clock import parse_duration
from console.errors import UsageError
from console.freeze import Freeze, parse_freeze
from console.text import echoed, shorten

T = TypeVar("T")

_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"", "0", "false", "no", "off"}


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """One place to look at: an AWS identity and region, and what belongs to it. `[contexts.NAME]` in config.toml."""

    name: str = ""
    """How it is called on screen and by `--ctx`; comes from the table's name."""
    ambient: bool = False
    """Made from the environment: variables with keys win over AWS_PROFILE, as they do in the AWS CLI."""

    profile: str = ""
    """AWS profile that everything is read with. Empty: the default credential chain."""
    act_profile: str = ""
    """AWS profile that writes are made with, assumed only when you consent. Empty: `profile` writes too."""
    region: str = ""
    """AWS region. Empty: AWS_REGION, AWS_DEFAULT_REGION, then the profile's own."""
    endpoint_url: str = ""
    """Where AWS answers, if not at Amazon's own addresses (an emulator). Empty: AWS_ENDPOINT_URL."""
    registry_profile: str = ""
    """AWS profile of the account that holds the model registry, if it is another one."""
    mlflow_uri: str = ""
    """MLflow tracking server, or a SageMaker MLflow ARN. Empty: MLFLOW_TRACKING_URI."""
    mlflow_profile: str = ""
    """AWS profile for an MLflow server on SageMaker, if it is another one."""
    evidently: str = ""
    """Folder or s3:// prefix with Evidently reports."""
    gx: str = ""
    """Folder or s3:// prefix with Great Expectations validation results."""
    dvc: str = ""
    """Git work tree whose DVC files describe the data."""
    guarded: bool = False
    """Production: dangerous actions ask to type the context's name."""
    read_only: bool = False
    """No write client is ever made."""
    freeze: tuple[Freeze, ...] = ()
    """Times in which the preflight of every plan warns: `{from, to, reason}`, see console/freeze.py."""

    def frozen_at(self, at_ms: int) -> Freeze | None:
        """The freeze that holds at this moment, if any."""
        return next((freeze for freeze in self.freeze if freeze.holds(at_ms)), None)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a process. Each has a `LASTGOOD_<NAME>` variable and a key at the top of config.toml."""

    context: str = ""
    """Which context to open; `a,b` or `all` shows several in one table. Empty: the first in the file."""
    state_dir: Path
    """Ledger, locks and caches (0700). Default: the XDG state folder. Not on a network file system."""
    ledger: Path
    """The ledger's file. Default: `ledger.db` in `state_dir`."""
    read_only: bool = False
    """Makes every context read-only."""
    local_time: bool = False
    """Screens show local time with its offset instead of UTC."""
    timeout: str = "20s"
    """How long a command goes on while AWS answers nothing, in all; time in which answers come does not count. Then it
    serves what the ledger has, or ends with exit code 6. The collector and actions under way never give up so."""
    metrics_dollars_per_hour: float = 1.0
    """What reading metrics may cost per context, at CloudWatch's 0.01 dollars for 1,000 metrics. Kept by asking for
    each endpoint less often; what is left out because of it is said. 0 reads none."""
    call_log: str = ""
    """A file to which every AWS request really sent is appended as `service:Operation`, to compare with a policy."""
    contexts: dict[str, Context] = {}
    """`[contexts.NAME]` tables, in the order of the file."""
    config_path: Path | None = None
    """The file that was read, if there was one. LASTGOOD_CONFIG names another."""
    warnings: tuple[str, ...] = ()
    """Lines for stderr: variables that look like settings and are none."""

    @property
    def selected(self) -> tuple[Context, ...]:
        """The contexts that were asked for, in order."""
        if self.context == "all":
            return tuple(self.contexts.values())
        return tuple(self.contexts[name] for name in self.context.split(","))

    @property
    def current(self) -> Context:
        """The (first) context that was asked for."""
        return self.selected[0]

    @property
    def timeout_s(self) -> float:
        return parse_duration(self.timeout) / 1000

    def make_state_dir(self) -> Path:
        """Make the state folder, readable by its owner alone.

        Raises UsageError naming the setting when that is impossible.
        """
        try:
            self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.state_dir.stat().st_mode & 0o077:
                self.state_dir.chmod(0o700)
        except OSError as exc:
            advice = "set LASTGOOD_STATE_DIR to a local folder that you own"
            raise UsageError(f"cannot use {self.state_dir}: {exc.strerror}", advice=advice) from None
        return self.state_dir

    @staticmethod
    def load(
        environ: Mapping[str, str] | None = None,
        config_path: Path | None = None,
        flags: Mapping[str, Any] | None = None,
    ) -> Settings:
        """Read file, environment and flags; later ones win. A flag that is None was not given.

        Flags are named like settings; `profile`, `region`, `endpoint_url` and `mlflow_uri` change the chosen context.
        Raises UsageError.
        """
        return _load(os.environ if environ is None else environ, config_path, flags or {})


OPTIONS = (
    "context",
    "state_dir",
    "ledger",
    "read_only",
    "local_time",
    "timeout",
    "metrics_dollars_per_hour",
    "call_log",
)
_OVERRIDES = ("profile", "region", "endpoint_url", "mlflow_uri")
_NO_FILE_KEYS = {"name", "ambient"}


_XDG = {"config": ".config", "state": ".local/state", "cache": ".cache"}
"""Where these are on Linux (the XDG base directory specification)."""


def folder(environ: Mapping[str, str], what: str) -> Path:
    """The XDG folder of lastgood: `what` is config, state or cache."""
    base = environ.get(f"XDG_{what.upper()}_HOME", "")
    if base.startswith("/"):  # the XDG specification: relative paths are invalid and to be ignored
        return Path(base) / "lastgood"
    if sys.platform != "linux":
        import platformdirs  # 8 ms

        return Path(getattr(platformdirs, f"user_{what}_dir")("lastgood"))
    return home(f"~/{_XDG[what]}/lastgood", "HOME")


def home(path: str | Path, where: str) -> Path:
    """A path with `~` expanded. Raises UsageError naming `where` it was given, if it is nobody's home."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"{where}: {echoed(str(path))}: no such home folder", advice="write the path out") from None


def _load(environ: Mapping[str, str], config_path: Path | None, flags: Mapping[str, Any]) -> Settings:
    named = config_path or (Path(environ["LASTGOOD_CONFIG"]) if environ.get("LASTGOOD_CONFIG") else None)
    path = home(named or folder(environ, "config") / "config.toml", "LASTGOOD_CONFIG")
    table = _read(path, required=named is not None)

    values: dict[str, Any] = {}
    for key, value in (table or {}).items():
        if key == "contexts":
            continue
        values[key] = _value(Settings, OPTIONS, key, value, str(path), ("contexts",))
    for key in OPTIONS:
        variable = f"LASTGOOD_{key.upper()}"
        if variable in environ:
            values[key] = _from_text(key, environ[variable], variable)
    values |= {key: value for key in OPTIONS if (value := flags.get(key)) is not None}

    values["state_dir"] = home(values.get("state_dir") or folder(environ, "state"), "state_dir")
    values["ledger"] = home(values.get("ledger") or values["state_dir"] / "ledger.db", "ledger")
    if "timeout" in values and parse_duration(values["timeout"]) < 1000:
        raise UsageError(f"timeout: {values['timeout']} is too short for an answer", advice="1s at least; 20s is usual")
    if not 0 <= values.get("metrics_dollars_per_hour", 0) < math.inf:
        where = "" if "LASTGOOD_METRICS_DOLLARS_PER_HOUR" in environ else f"{path}: "
        advice = "1.0 is usual; 0 reads no metrics"
        raise UsageError(f"{where}metrics_dollars_per_hour: must be 0 or more", advice=advice)
    contexts = _contexts(table or {}, path, environ, bool(values.get("read_only")))
    values["context"] = _choose(values.get("context", ""), contexts, path if table is not None else None)
    overrides = {key: value for key in _OVERRIDES if (value := flags.get(key)) is not None}
    if overrides:
        for name in contexts if values["context"] == "all" else values["context"].split(","):
            # A profile named on the command line is explicit, so keys in variables no longer win over it.
            ambient = contexts[name].ambient and "profile" not in overrides
            contexts[name] = msgspec.structs.replace(contexts[name], ambient=ambient, **overrides)
    for context in contexts.values():
        _check_place(context, str(path) if table is not None else "the environment", overrides)
    return Settings(
        **values,
        contexts=contexts,
        config_path=path if table is not None else None,
        warnings=_strangers(environ),
    )


def _read(path: Path, *, required: bool) -> dict[str, Any] | None:
    try:
        data = _bytes(path)
    except FileNotFoundError:
        if not required:
            return None
        raise UsageError(f"{path}: no such file", advice="LASTGOOD_CONFIG or --config names it") from None
    except OSError as exc:
        raise UsageError(f"{path}: {exc.strerror}") from None
    import tomllib  # 3 ms that a start without a file need not pay

    try:
        return tomllib.loads(data.decode())
    except UnicodeDecodeError:
        raise UsageError(f"{path}: is no UTF-8 text") from None
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"{path}: {shorten(str(exc), 200)}", advice="the file is TOML: https://toml.io") from None
    except RecursionError:
        raise UsageError(f"{path}: nested too deeply", advice="contexts are tables such as [contexts.prod]") from None


LARGEST = 1 << 20


def _bytes(path: Path) -> bytes:
    """A regular file's content: nobody knows whether a pipe ends, or begins. Raises OSError, UsageError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(handle).st_mode
        if not stat.S_ISREG(mode) and str(path) != os.devnull:
            what = "a folder" if stat.S_ISDIR(mode) else "no regular file"
            raise UsageError(f"{path}: is {what}", advice="LASTGOOD_CONFIG names the file itself")
        data = b"".join(iter(lambda: os.read(handle, LARGEST), b"")) if stat.S_ISREG(mode) else b""
    finally:
        os.close(handle)
    if len(data) > LARGEST:
        raise UsageError(f"{path}: has more than {LARGEST:,} bytes", advice="is it really the configuration?")
    return data


def _value(
    cls: type[msgspec.Struct], allowed: tuple[str, ...], key: str, value: Any, where: str, also: Any = ()
) -> Any:
    if key not in allowed:
        raise UsageError(f"{where}: {key}: no such setting", advice=f"allowed: {', '.join((*allowed, *also))}")
    kind = next(field.type for field in msgspec.structs.fields(cls) if field.name == key)
    if kind is Path:
        kind = str
    try:
        return msgspec.convert(value, type=kind)
    except msgspec.ValidationError:
        wanted = {"str": "a text in quotes", "bool": "true or false", "float": "a number"}.get(kind.__name__, str(kind))
        raise UsageError(f"{where}: {key}: must be {wanted}, not {_shown(value)}") from None


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, (bool, int, float)) else f"a {type(value).__name__}"


def _from_text(key: str, text: str, variable: str) -> Any:
    if key == "metrics_dollars_per_hour":
        try:
            return float(text)
        except ValueError:
            raise UsageError(f"{variable}: must be a number such as 1.0, not {echoed(text)!r}") from None
    if key not in {"read_only", "local_time"}:
        return text
    if text.strip().lower() in _TRUE:
        return True
    if text.strip().lower() in _FALSE:
        return False
    raise UsageError(f"{variable}: must be 1 or 0, not {text!r}")


def _contexts(table: Mapping[str, Any], path: Path, environ: Mapping[str, str], read_only: bool) -> dict[str, Context]:
    allowed = tuple(name for name in Context.__struct_fields__ if name not in _NO_FILE_KEYS)
    given = table.get("contexts", {})
    if not isinstance(given, dict):
        raise UsageError(f"{path}: contexts: must be tables such as [contexts.prod]")
    found: dict[str, Context] = {}
    for name, body in given.items():
        where = f"{path}: contexts.{name}"
        if not isinstance(body, dict):
            raise UsageError(f"{where}: must be a table: [contexts.{name}]")
        if not name or name == "all" or not name.isprintable() or set(name) & set(", \t/"):
            raise UsageError(f"{where}: a context's name has no space, comma or slash, and is not 'all'")
        values: dict[str, Any] = {
            key: parse_freeze(value, f"{where}: freeze")
            if key == "freeze"
            else _value(Context, allowed, key, value, where)
            for key, value in body.items()
        }
        found[name] = Context(name=name, **values)
    if not found:
        found["default"] = Context(name="default", profile=environ.get("AWS_PROFILE", ""), ambient=True)
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""
    return {
        name: msgspec.structs.replace(
            context,
            region=context.region or region,
            endpoint_url=(context.endpoint_url or environ.get("AWS_ENDPOINT_URL", "")).rstrip("/"),
            mlflow_uri=context.mlflow_uri or environ.get("MLFLOW_TRACKING_URI", ""),
            read_only=context.read_only or read_only,
        )
        for name, context in found.items()
    }


def _choose(wanted: str, contexts: Mapping[str, Context], path: Path | None) -> str:
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    if not names:
        return next(iter(contexts))
    if names == ["all"]:
        return "all"
    for name in names:
        if name not in contexts:
            origin = f"{path} has" if path else "there is no config.toml, so there is only"
            raise UsageError(f"no context {echoed(name)!r}", advice=f"{origin} {', '.join(contexts)}")
    return ",".join(dict.fromkeys(names))


_REGION = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
"""A host label, as botocore demands: it becomes part of an address. Emulators have names of their own."""


def _check_place(context: Context, origin: str, flags: Mapping[str, Any]) -> None:
    from urllib.parse import urlsplit

    if context.region and not _REGION.fullmatch(context.region):
        where = "--region" if "region" in flags else f"{origin}: region"
        raise UsageError(f"{where}: {echoed(context.region)!r} is no AWS region", advice="such as eu-central-1")
    for key in ("endpoint_url", "mlflow_uri"):
        text = getattr(context, key)
        if not text:
            continue
        where = f"--{key.replace('_', '-')}" if key in flags else f"{origin}: {key}"
        try:
            parts = urlsplit(text)
            _ = parts.port
        except ValueError:
            raise UsageError(f"{where}: is no URL", advice="write it as http://HOST:PORT") from None
        if parts.username or parts.password:
            raise UsageError(
                f"{where}: holds a user or password",
                advice="secrets are not settings: use MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
            )
        if key != "endpoint_url":
            continue
        if parts.scheme not in {"http", "https"} or not parts.hostname or not _HOST.fullmatch(parts.hostname):
            raise UsageError(f"{where}: must begin with http:// or https:// and name a host, not {echoed(text)!r}")


_HOST = re.compile(r"[A-Za-z0-9._:%-]+")


def _strangers(environ: Mapping[str, str]) -> tuple[str, ...]:
    known = {f"LASTGOOD_{key.upper()}" for key in OPTIONS} | {"LASTGOOD_CONFIG"}
    internal = ("LASTGOOD_WORLD_",)  # between processes of the demo
    strange = sorted(
        name for name in environ if name.startswith("LASTGOOD_") and name not in known and not name.startswith(internal)
    )
    # A warning and no error: LASTGOOD_READONLY must not pass silently, yet a newer version's variable must not lock
    # an older one out at night.
    return tuple(f"{name} is no setting; there are {', '.join(sorted(known))}" for name in strange)
