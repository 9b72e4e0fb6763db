"""Locks that die with their holder, interest that expires, and network file systems."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from console.errors import LedgerError
from console.ledger.interest import EXPIRES_MS, Interests
from console.ledger.locks import Locks, action_lock, collector_lock, network_type, refuse_network, subject_lock

HOLDER = """
import sys, time
from pathlib import Path
from console.ledger.locks import Locks
held = Locks(Path(sys.argv[1])).acquire(sys.argv[2], "collecting")
print(bool(held), flush=True)
time.sleep(60)
"""


def hold_elsewhere(folder: Path, name: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, folder, name], stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "True\n"
    return process


def test_a_lock_dies_with_its_holder(tmp_path: Path) -> None:
    locks, name = Locks(tmp_path / "locks"), collector_lock("aws:1:eu-west-1")
    assert locks.is_free(name) and locks.holder(name) is None
    process = hold_elsewhere(locks.folder, name)
    try:
        assert not locks.is_free(name)
        holder = locks.holder(name)
        assert holder and (holder.pid, holder.purpose) == (process.pid, "collecting")
        with locks.hold(name) as held:
            assert held is None
        assert locks.is_free(collector_lock("aws:1:us-east-1"))
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert locks.is_free(name) and locks.holder(name) is None
    with locks.hold(name, "mine") as held:
        assert held
        holder = locks.holder(name)
        assert holder and (holder.pid, holder.purpose) == (os.getpid(), "mine")
        assert locks.acquire(name) is None
    assert locks.is_free(name)
    assert list(locks.folder.iterdir()) == []


def test_a_lock_is_not_inherited_by_programs_started_meanwhile(tmp_path: Path) -> None:
    locks = Locks(tmp_path)
    with locks.hold("a") as held:
        assert held
        child = subprocess.Popen(["sleep", "30"], close_fds=False)
    assert locks.is_free("a")
    child.kill()
    child.wait()


def test_only_one_of_many_holds_it_and_lookers_do_not_get_in_the_way(tmp_path: Path) -> None:
    """Files are unlinked on release: a late-comer must not lock a file that is no longer there."""
    locks, inside, most, taken, stop = Locks(tmp_path), [0], [0], [0], threading.Event()

    def contend() -> None:
        for _ in range(150):
            with locks.hold("a") as held:
                if held:
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    taken[0] += 1
                    inside[0] -= 1

    def look() -> None:
        while not stop.is_set():
            locks.is_free("a")

    looker = threading.Thread(target=look)
    looker.start()
    threads = [threading.Thread(target=contend) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = sum(locks.acquire("b") is not None for _ in range(1))
    stop.set()
    looker.join()
    assert most[0] == 1 and taken[0] > 100 and alone == 1


def test_who_lost_its_file_knows_and_leaves_the_next_holder_alone(tmp_path: Path) -> None:
    locks = Locks(tmp_path / "locks")
    first = locks.acquire("a")
    assert first is not None and not first.lost
    first.path.unlink()
    first.path.parent.rmdir()
    assert first.lost
    second = locks.acquire("a")
    assert second is not None
    first.release()
    assert not second.lost and not locks.is_free("a")
    second.release()


def test_hostile_names_make_different_files_in_the_folder(tmp_path: Path) -> None:
    locks = Locks(tmp_path / "locks")
    names = ["../../etc/x", "a/b", "a b", "a-b", "", "é" * 400, subject_lock("s", "k", "n"), action_lock("p1")]
    held = [locks.acquire(name) for name in names]
    assert all(held)
    assert len(list(locks.folder.iterdir())) == len(names)
    assert [path.name for path in tmp_path.iterdir()] == ["locks"]
    for one in held:
        assert one
        one.release()
        one.release()


MOUNTS = r"""
/dev/vda / ext4 rw 0 0
proc /proc proc rw 0 0
nas:/home /home nfs4 rw,vers=4.2 0 0
/dev/vdb /home/ada/local xfs rw 0 0
//srv/share /mnt/with\040space cifs rw 0 0
host:/x /mnt/ssh fuse.sshfs rw 0 0
C: /mnt/c 9p rw 0 0
store /lustre/scratch lustre rw 0 0
/dev/sdb /mnt/usb fuseblk rw 0 0
/dev/vdc /over ext4 rw 0 0
nas:/over /over nfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/x", ""),
        ("/home/ada/.local/state", "nfs4"),
        ("/home/ada/local/state", ""),
        ("/homes/ada", ""),
        ("/mnt/with space/x", "cifs"),
        ("/mnt/ssh", "fuse.sshfs"),
        ("/mnt/c/Users", "9p"),
        ("/lustre/scratch/me", "lustre"),
        ("/mnt/usb/x", ""),
        ("/over/x", "nfs"),
    ],
)
def test_network_file_systems(path: str, kind: str) -> None:
    assert network_type(Path(path), MOUNTS) == kind
    if kind:
        with pytest.raises(LedgerError, match=f"network file system .{kind}") as caught:
            refuse_network(Path(path), MOUNTS)
        assert "LASTGOOD_STATE_DIR" in caught.value.advice and "state_dir" in caught.value.advice
        assert "\n" not in caught.value.message
    else:
        refuse_network(Path(path), MOUNTS)


def test_odd_mount_tables_refuse_nothing() -> None:
    assert network_type(Path("/x"), "") == ""
    assert network_type(Path("/x"), "one two\n\n / \n") == ""


def test_interest_of_all_consoles_and_none_of_the_dead(tmp_path: Path) -> None:
    mine = Interests(tmp_path / "interest")
    assert mine.read("s", 0) == ({}, {})
    mine.tell("s", {"endpoint": ["b", "a", "a"], "pipeline": []}, at=1_000, fresh=["endpoint"])
    mine.tell("t", {"endpoint": ["elsewhere"]}, at=1_000)
    other = mine.folder / "1-0.json"
    other.write_text(json.dumps({"scope": "s", "at": 2_000, "names": {"endpoint": ["c"]}, "fresh": ["endpoint"]}))
    (mine.folder / "2-0.json").write_text("{torn")
    seen = mine.read("s", 3_000 + EXPIRES_MS - 3_000)
    assert seen.names == {"endpoint": frozenset("abc"), "pipeline": frozenset()}
    assert seen.fresh == {"endpoint": 2_000}
    assert not (mine.folder / "2-0.json").exists()
    assert mine.read("s", 1_001 + EXPIRES_MS).names == {"endpoint": frozenset("c")}
    assert other.exists()
    assert mine.read("s", 2_001 + EXPIRES_MS) == ({}, {})
    assert list(mine.folder.iterdir()) == []
    mine.tell("s", {"endpoint": ["a"]}, at=99)
    mine.withdraw("s")
    mine.withdraw("s")
    assert mine.read("s", 99) == ({}, {})
