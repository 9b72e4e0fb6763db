"""An endpoint config with the models that it names: what serves does not change (facts/sagemaker.md section 2.1). Pure.

Values of environment variables stay outside (DESIGN.md section 3, rule 11): a commit or a version is kept as it is, of
the rest a short digest, and of what may be a secret the name alone.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import msgspec

from console.clock import Millis, to_ms
from console.kinds.difference import NONE, Difference
from console.text import looks_secret

_REVISION = re.compile(r"commit|sha|revision|version|release", re.IGNORECASE)
_REVISION_LIKE = re.compile(r"v?\d+(?:\.\d+){0,3}|[0-9a-f]{7,40}", re.IGNORECASE)


class Container(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """`env`: by name the value if it is a revision, else a digest of it, or nothing."""

    image: str = ""
    data: str = ""
    mode: str = ""
    env: dict[str, str] = {}


class ConfigVariant(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    name: str
    model: str = ""
    instance_type: str = ""
    instances: int | None = None
    weight: float | None = None
    shadow: bool = False
    serverless: dict[str, Any] = {}
    pooled: bool = False
    """Instances of several types: of which ones is not known."""
    containers: tuple[Container, ...] = ()


class Config(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    name: str
    created_at: Millis | None = None
    variants: tuple[ConfigVariant, ...] = ()
    capture_percent: int | None = None
    kms_key: str = ""
    queued: bool = False
    """Requests are asynchronous."""
    unread: tuple[str, ...] = ()
    """Models that are gone, or that may not be looked at."""
    read_at: Millis = 0
    """When, and not before the last deployment to it that was known then. What is deployed later by this name may be
    another config: one that no endpoint uses can be deleted and made anew."""
    absent: str = ""
    """Why nothing but the name is known: it was deleted before anybody read it, or may not be looked at."""


def from_api(answer: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]]) -> Config:
    """From DescribeEndpointConfig and DescribeModel, by the model's name."""
    capture = answer.get("DataCaptureConfig") or {}
    variants = [
        _variant(one, models, shadow=shadow)
        for key, shadow in (("ProductionVariants", False), ("ShadowProductionVariants", True))
        for one in answer.get(key, ())
    ]
    return Config(
        name=answer["EndpointConfigName"],
        created_at=to_ms(answer["CreationTime"]) if answer.get("CreationTime") else None,
        variants=tuple(variants),
        capture_percent=capture.get("InitialSamplingPercentage", 0) if capture.get("EnableCapture") else None,
        kms_key=answer.get("KmsKeyId", ""),
        queued=bool(answer.get("AsyncInferenceConfig")),
        unread=tuple(sorted({v.model for v in variants if v.model and v.model not in models})),
    )


def _variant(one: Mapping[str, Any], models: Mapping[str, Mapping[str, Any]], *, shadow: bool) -> ConfigVariant:
    model = models.get(one.get("ModelName", ""), {})
    first = [model["PrimaryContainer"]] if model.get("PrimaryContainer") else []
    return ConfigVariant(
        name=one.get("VariantName", ""),
        model=one.get("ModelName", ""),
        instance_type=one.get("InstanceType", ""),
        instances=one.get("InitialInstanceCount"),
        weight=one.get("InitialVariantWeight"),
        shadow=shadow,
        serverless=one.get("ServerlessConfig") or {},
        pooled=bool(one.get("InstancePools")),
        containers=tuple(_container(c) for c in (*first, *model.get("Containers", ()))),
    )


def _container(one: Mapping[str, Any]) -> Container:
    env = one.get("Environment") or {}
    return Container(
        image=one.get("Image", ""),
        data=one.get("ModelDataUrl") or _source(one),
        mode=one.get("Mode", ""),
        env={name: _kept(name, str(value)) for name, value in sorted(env.items())},
    )


def _source(one: Mapping[str, Any]) -> str:
    return str(((one.get("ModelDataSource") or {}).get("S3DataSource") or {}).get("S3Uri", ""))


def _kept(name: str, value: str) -> str:
    if looks_secret(name):
        return ""
    if _REVISION.search(name) and _REVISION_LIKE.fullmatch(value):
        return value
    return f"#{hashlib.sha256(value.encode()).hexdigest()[:8]}"


def difference(before: Config, after: Config) -> tuple[Difference, ...]:
    """What a deployment from one config to another changes, what matters most first. Names of configs and models are
    no change by themselves."""
    found = []
    old, new = ({v.name: v for v in config.variants} for config in (before, after))
    for name in dict.fromkeys((*old, *new)):
        whose = f"{name} " if len(old.keys() | new.keys()) > 1 else ""
        if name not in old or name not in new:
            there = old.get(name) or new[name]
            told = f"{there.instances or 'serverless'} x {there.instance_type or 'instance'}".removesuffix(
                " x instance"
            )
            found.append(Difference(f"variant {name}", *((NONE, told) if name in new else (told, NONE))))
            continue
        found += [Difference(f"{whose}{what}", a, b) for what, a, b in _of_variant(old[name], new[name])]
    capture = ("data capture", _percent(before.capture_percent), _percent(after.capture_percent))
    pairs = _pairs("", capture, ("KMS key", *_keys(before.kms_key, after.kms_key)))
    return (*found, *(Difference(*pair) for pair in pairs))


def _of_variant(old: ConfigVariant, new: ConfigVariant) -> Iterator[tuple[str, str, str]]:
    several = max(len(old.containers), len(new.containers)) > 1
    for n, (a, b) in enumerate(zip_longest(old.containers, new.containers, fillvalue=Container()), 1):
        which = f"container {n} " if several else ""
        yield from _pairs(which, ("image", *_images(a.image, b.image)), ("model data", *_paths(a.data, b.data)))
        if a.mode != b.mode:
            yield f"{which}mode", a.mode or NONE, b.mode or NONE
        for name in sorted(a.env.keys() | b.env.keys()):
            if a.env.get(name) != b.env.get(name):
                yield f"{which}{name}", _value(a.env.get(name)), _value(b.env.get(name), "another")
    yield from _pairs(
        "",
        ("instance type", old.instance_type or NONE, new.instance_type or NONE),
        ("instances", _number(old.instances), _number(new.instances)),
        ("weight", _number(old.weight), _number(new.weight)),
    )
    for key in sorted(old.serverless.keys() | new.serverless.keys()):
        if old.serverless.get(key) != new.serverless.get(key):
            yield key, str(old.serverless.get(key, NONE)), str(new.serverless.get(key, NONE))


def _pairs(which: str, *pairs: tuple[str, str, str]) -> Iterator[tuple[str, str, str]]:
    yield from ((f"{which}{what}", a, b) for what, a, b in pairs if a != b)


def _value(kept: str | None, hidden: str = "a value") -> str:
    """A digest says that it changed, not what it is."""
    if kept is None:
        return NONE
    return hidden if not kept or kept.startswith("#") else kept[:12]


def _images(a: str, b: str) -> tuple[str, str]:
    """Short digests or tags; with the last part of the repository where that differs; else whole."""
    (one, x), (two, y) = map(_image, (a, b))
    if a == b or (one == two and x != y):
        return x or NONE, y or NONE
    return (f"{one}@{x}" if one else NONE, f"{two}@{y}" if two else NONE) if (one, x) != (two, y) else (a, b)


def _image(uri: str) -> tuple[str, str]:
    """(repository, short digest or tag)."""
    repository, at, digest = uri.rpartition("/")[2].partition("@")
    if at:
        return repository, digest.removeprefix("sha256:")[:12]
    name, _, tag = repository.partition(":")
    return name, tag


def _paths(a: str, b: str) -> tuple[str, str]:
    """Two S3 URLs by the part in which they differ; whole where one of them ends there."""
    one, two = a.removeprefix("s3://").split("/"), b.removeprefix("s3://").split("/")
    x, y = next(((x, y) for x, y in zip(one, two, strict=False) if x != y), (a, b))
    return (x, y) if x and y else (a or NONE, b or NONE)


def _number(value: float | None) -> str:
    return NONE if value is None else f"{value:g}"


def _percent(value: int | None) -> str:
    return "off" if value is None else f"{value} %"


def _keys(a: str, b: str) -> tuple[str, str]:
    """The ids of two keys; whole where only the region or account differs, as with keys of several regions."""
    one, two = a.rpartition("/")[2], b.rpartition("/")[2]
    return (one or NONE, two or NONE) if one != two else (a or NONE, b or NONE)


def models_of(answer: Mapping[str, Any]) -> Sequence[str]:
    """The names of the models that a config names."""
    every = (*answer.get("ProductionVariants", ()), *answer.get("ShadowProductionVariants", ()))
    return list(dict.fromkeys(v["ModelName"] for v in every if v.get("ModelName")))
