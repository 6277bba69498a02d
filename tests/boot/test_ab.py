"""Upgrades of hadron-image-ab, where GRUB counts: good ones, refused ones, bad ones that are given up, and power that fails.

Needs qemu-system-x86_64, ovmf, and both built versions (make test-boot).
"""

import hashlib
import os
import random
import re
import shutil
import time
from pathlib import Path

import pytest
from guest import Guest
from server import Server
from slots import SlotMachines, next_release
from slots import release as first_release
from trusted import (
    BOOT_SECONDS,
    REPORT,
    copied,
    install_next,
    into_state,
    made_once,
    partition,
    place,
    put,
    release_of,
    spoilt,
    state,
    still_there,
)

pytestmark = pytest.mark.qemu

FILES = ("hadron_2.erofs", "hadron_2.vmlinuz")


def release(served: Server) -> str:
    """Serve version 2; its address."""
    release_of({name: next_release() / name for name in FILES}, served.directory / "2")
    return f"{served.address}/2"


def status(guest: Guest) -> str:
    return guest.run("hadron-update status")


def on_trial(guest: Guest) -> bool:
    return re.search(r"\(runs\): good", status(guest)) is None


def kept(guest: Guest) -> None:
    """Until the version that runs has been found good."""
    limit = time.monotonic() + BOOT_SECONDS
    while on_trial(guest):
        assert time.monotonic() < limit, guest.run(
            "systemctl list-jobs --no-pager; journalctl -b -u hadron-health --no-pager"
        )
        time.sleep(5)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk whose version 1 has installed version 2, from an OCI layout; it is to be started next. Made once for each pair of versions."""
    text = b"".join((made / "SHA256SUMS.sig").read_bytes() for made in (first_release(), next_release()))

    def make() -> Path:
        scratch = tmp_path_factory.mktemp("upgrade-ab")
        (scratch / "served").mkdir()
        server = Server(scratch / "served")
        shutil.copytree(next_release(".oci"), server.directory / "releases")
        address = f"oci:{server.address}/releases:2"
        made = SlotMachines(scratch, place("upgrade-ab"))
        made.firmware = "bios"
        try:
            guest = made.started(made.disk(), None)
            assert state(guest) == "running"
            assert guest.run("findmnt -no FSTYPE,OPTIONS / | tail -n 1").split()[-2:][0] == "erofs"
            kept(guest)
            install_next(guest, address)
            assert "slot b: 2 (ready): 3 attempts left\nnext: slot b" in status(guest)
            guest.power_off(BOOT_SECONDS)
        finally:
            made.end()
            server.server.shutdown()
        return scratch / "disk.img"

    return made_once(REPORT / f".installed-ab-{hashlib.sha256(text).hexdigest()[:16]}.img", make)


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_a_good_upgrade_with_grub_and_the_way_back(slots: SlotMachines, installed: Path, firmware: str) -> None:
    """Version 2 runs and is kept; files of /etc and /var are there; then rollback. By BIOS and by UEFI."""
    slots.firmware = firmware
    disk = copied(installed, slots.scratch / "disk.img")
    guest = slots.started(disk, None)
    assert guest.run("test -d /sys/firmware/efi && echo uefi || echo bios").split()[-1] == firmware
    assert "slot a: 1 (ready): good\nslot b: 2 (runs)" in status(guest)
    assert state(guest) == "running"
    still_there(guest)
    assert guest.run("cat /etc/hadron-test").split()[-1] == "2"
    kept(guest)
    assert "1 is booted next" in guest.run("hadron-update rollback")
    guest = slots.restarted(guest, disk)
    assert "running: 1" in status(guest)
    still_there(guest)


def test_what_is_not_right_is_refused_with_grub(slots: SlotMachines, served: Server, tmp_path: Path) -> None:
    """Another's signature, a changed list, a file cut short, a damaged layout, a full disk: nothing changes."""
    slots.firmware = "bios"
    guest = slots.started(slots.disk(), None)
    kept(guest)
    address = release(served)
    shutil.copytree(next_release(".oci"), served.directory / "layout")
    loader = "cd /efi && find . -type f -exec sha256sum {} + | sort"
    before, files = status(guest), guest.run(loader)

    def refused(what: str, said: str, source: str = address) -> None:
        told = guest.run(f"hadron-update install {source}", 600)
        assert said in told, told
        assert (status(guest), guest.run(loader)) == (before, files)
        slots.notes[what] = "refused"

    for what, said in spoilt(served.directory / "2", {name: next_release() / name for name in FILES}, tmp_path):
        refused(what, said)
    whole = (next_release() / "hadron_2.erofs").read_bytes()
    layout = f"oci:{served.address}/layout"
    refused("no such tag", "has no release with the tag 3", f"{layout}:3")
    for blob in (served.directory / "layout/blobs/sha256").iterdir():
        if blob.stat().st_size == len(whole):
            blob.write_bytes(whole[:4096] + bytes(4096) + whole[8192:])
    refused("damaged blob", "isn't what the signed list says", layout)
    guest.run("fallocate -l $(df --output=avail -B1 /var | tail -n 1) /var/full")
    refused("full disk", "can't be")
    guest.run("rm /var/full")
    assert "2 is installed" in guest.run(f"hadron-update install {address}", 900)


@pytest.mark.parametrize("part", ["program", "root", "service"])
def test_a_bad_version_is_given_up_by_grub(slots: SlotMachines, installed: Path, tmp_path: Path, part: str) -> None:
    """Version 2 has a kernel that can't be loaded, no root that can be mounted, or a service that fails: version 1 is back
    without anybody's help, and the counter says why."""
    slots.firmware = "bios"
    disk = copied(installed, slots.scratch / "disk.img")
    if part == "program":
        (tmp_path / "bad").write_bytes(b"no kernel" * 1000)
        put(disk, tmp_path / "bad", "/b/vmlinuz", partition(disk, "esp"))
    elif part == "root":
        with disk.open("r+b") as stream:
            stream.seek(partition(disk, "root-b"))
            stream.write(bytes(8192))
    else:
        into_state(disk, "lib/hadron-test-broken")
    began = time.monotonic()
    # GRUB itself goes on where it can't load a kernel.
    guest, starts = slots.started_until("a", disk, 3)
    slots.notes["back on 1 after"] = f"{time.monotonic() - began:.0f} s"
    assert starts == (0 if part == "program" else 3)
    left = "2 attempts left" if part == "program" else "given up"
    said = status(guest)
    assert "slot a: 1 (runs): good" in said, said
    assert f"slot b: 2 (ready): {left}" in said, said
    slots.notes["counter"] = left
    assert state(guest) == "running"


CUTS = int(os.environ.get("HB_POWER_CUTS", "3"))
# What changes something, in the order of loader-grub's write.
CHANGING = re.compile(r"(?m)^\++ (rm|mv|cp|sync|dd|wget|mkdir)\b")


@pytest.mark.slow
def test_power_cuts_during_an_upgrade_with_grub(slots: SlotMachines, served: Server) -> None:
    """The machine loses power at each step of an upgrade: what starts next is version 1 or 2, whole, each time."""
    chance = random.Random(5)
    address = release(served)
    # Each command is told before it is run.
    upgrade = f"bash -x /usr/bin/hadron-update install {address}"
    sums = {"1": root_of(first_release(), "1"), "2": root_of(next_release(), "2")}
    disk = slots.disk()
    guest = slots.started(disk, None)
    kept(guest)
    trace = guest.run(upgrade, 900)
    assert "2 is installed" in trace
    steps = len(CHANGING.findall(trace))
    assert steps
    guest.cut()
    found = {"1": 0, "2": 0}
    running = None
    for number in range(CUTS):
        if running != "1":
            disk = slots.disk()
            guest = slots.started(disk, None)
            kept(guest)
        guest.send(upgrade)
        moment, limit = 1 + number * steps // CUTS, time.monotonic() + 900
        while len(CHANGING.findall(guest.text)) < moment and "is installed" not in guest.text:
            assert time.monotonic() < limit, guest.text[-2000:]
            guest.read()
        time.sleep(chance.uniform(0, 0.5))
        guest.cut()
        guest = slots.started(disk, None)
        match = re.search(r"running: ([12])", status(guest))
        assert match
        running = match[1]
        found[running] += 1
        size, digest = sums[running]
        root = f"head -c {size} $(findmnt -no SOURCE /) | sha256sum"
        assert guest.run(root, 600).split()[-2] == digest
        assert state(guest) == "running"
        slots.notes["cuts"] = f"{number + 1}, then on 1: {found['1']}, on 2: {found['2']}"


def root_of(release: Path, version: str) -> tuple[int, str]:
    """Size and checksum of a version's root, from its release's list."""
    name = f"hadron_{version}.erofs"
    lines = (release / "SHA256SUMS").read_text().splitlines()
    return (release / name).stat().st_size, next(line.split()[0] for line in lines if line.endswith(name))
