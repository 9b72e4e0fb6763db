"""The one-file bundle, as on a bastion: an empty home, no network, nothing installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def bundle() -> Path:
    subprocess.run(["make", "--silent", "bundle"], cwd=ROOT, check=True)
    return ROOT / "dist" / "lastgood.pyz"


def _run(bundle: Path, home: Path, *args: str) -> subprocess.CompletedProcess[str]:
    # A network namespace of its own has not even loopback; without the right to make one, proxies lead nowhere.
    alone = ["unshare", "--net"] if shutil.which("unshare") and os.geteuid() == 0 else []
    env = {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).resolve().parent}:/usr/bin:/bin",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_REGION": "eu-central-1",
        "LANG": "C.UTF-8",
    }
    return subprocess.run([*alone, str(bundle), *args], env=env, cwd=home, capture_output=True, text=True, check=False)


def test_it_runs_from_one_file(bundle: Path, tmp_path: Path) -> None:
    assert _run(bundle, tmp_path, "--version").stdout.startswith("lastgood ")
    policy = _run(bundle, tmp_path, "iam", "--role", "operator")
    assert '"sagemaker:UpdateEndpoint"' in policy.stdout, policy.stderr
    refused = _run(bundle, tmp_path, "get", "endpoints")
    assert refused.returncode == 5, refused.stderr
    assert refused.stderr.count("\n") == 1


def test_its_processes_find_themselves(bundle: Path, tmp_path: Path) -> None:
    """The bundle starts itself for the collector and for actions: they must find their packages without it."""
    program = "import subprocess, console.process as p; subprocess.run(p.own('--version'), env=p.environment())"
    env = {
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).resolve().parent}:/usr/bin:/bin",
        "SHIV_ENTRY_POINT": "code:interact",
    }
    done = subprocess.run([str(bundle)], input=program, env=env, capture_output=True, text=True, check=False)
    assert "lastgood " in done.stdout, done.stderr
