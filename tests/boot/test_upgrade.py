"""Upgrades of hadron-image-trusted: good ones, refused ones, bad ones that are given up, and power that fails. (make test-trusted)"""

import hashlib
import os
import random
import re
import time
from pathlib import Path

import pytest
from guest import Guest
from server import Server
from trusted import (
    BOOT_SECONDS,
    FILES,
    KEYS,
    REPORT,
    Machines,
    copied,
    image,
    install_next,
    into_state,
    made_once,
    next_release,
    online,
    place,
    put,
    release,
    sign,
    spoilt,
    state,
    still_there,
    unsigned,
    with_command_line,
)

from hadronbake.images import keys

pytestmark = pytest.mark.qemu


def versions(guest: Guest) -> str:
    return guest.run("hadron-update status")


@pytest.fixture(scope="session")
def installed(variables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A disk whose version 1 has installed version 2, which is to be started next. Made once for each pair of versions."""
    text = b"".join((made / "SHA256SUMS.sig").read_bytes() for made in (image(".release"), next_release()))

    def make() -> Path:
        scratch = tmp_path_factory.mktemp("upgrade")
        (scratch / "served").mkdir()
        server = Server(scratch / "served")
        address = release(server)
        made = Machines(scratch, place("upgrade"))
        made.screen = False
        try:
            guest = made.started(made.disk(), variables)
            online(guest)
            install_next(guest, address)
            assert "hadron_2+3.efi" in versions(guest)
            guest.power_off(BOOT_SECONDS)
        finally:
            made.end()
            server.server.shutdown()
        return scratch / "disk.img"

    return made_once(REPORT / f".installed-{hashlib.sha256(text).hexdigest()[:16]}.img", make)


def test_a_good_upgrade_and_the_way_back(machines: Machines, variables: Path, installed: Path) -> None:
    """Version 2 runs and is kept; files of /etc and /var are there; what nobody changed in /etc is version 2's. Then rollback."""
    guest = machines.started(copied(installed, machines.scratch / "disk.img"), variables)
    assert "running: 2" in versions(guest)
    assert state(guest) == "running"
    still_there(guest)
    assert guest.run("cat /etc/hadron-test").split()[-1] == "2"
    guest.run("systemctl start systemd-bless-boot.service", 120)
    assert "hadron_2.efi" in versions(guest)
    assert "hadron_1 is booted next" in guest.run("hadron-update rollback")
    guest.restart(BOOT_SECONDS)
    assert "running: 1" in versions(guest)
    still_there(guest)


def test_what_is_not_right_is_refused(machines: Machines, variables: Path, served: Server, tmp_path: Path) -> None:
    """Another's signature, a changed list, a file cut short or damaged, a version that isn't newer, a full disk: nothing changes."""
    guest = machines.started(machines.disk(), variables)
    online(guest)
    address = release(served)
    before = versions(guest)
    programs = guest.run("cd /efi && find . -type f -exec sha256sum {} + | sort")

    def refused(what: str, said: str, source: str = address) -> None:
        told = guest.run(f"hadron-update install {source}", 600)
        assert said in told, told
        assert versions(guest) == before
        assert guest.run("cd /efi && find . -type f -exec sha256sum {} + | sort") == programs
        machines.notes[what] = "refused"

    for what, said in spoilt(served.directory / "2", {name: next_release() / name for name in FILES}, tmp_path):
        refused(what, said)
    guest.run("fallocate -l $(df --output=avail -B1 /var | tail -n 1) /var/full")
    refused("full disk", "can't be")
    guest.run("rm /var/full")
    assert "2 is installed" in guest.run(f"hadron-update install {address}", 900)


BROKEN = ("kernel", "root-hash", "signature", "service")


@pytest.mark.parametrize("part", BROKEN)
def test_a_bad_version_is_given_up(
    machines: Machines, variables: Path, installed: Path, tmp_path: Path, part: str
) -> None:
    """Version 2 is broken in a part: version 1 is back without anybody's help, and the counter says why."""
    content = unsigned(next_release() / "hadron_2.efi", tmp_path)
    signer = KEYS
    if part == "signature":
        # The firmware refuses it.
        signer = tmp_path / "other"
        keys.make_secureboot(signer, "Somebody Else")
    elif part == "kernel":
        content = with_command_line(content, b"systemd.machine_id=firmware", b"init=/nothing")
    elif part == "root-hash":
        found = re.search(rb" sha256 ([0-9a-f]{64}) ", content)
        assert found
        content = content.replace(found[1], found[1][::-1])
    sign(content, tmp_path / "bad.efi", tmp_path, signer)
    disk = copied(installed, tmp_path / "disk.img")
    if part == "service":
        into_state(disk, "lib/hadron-test-broken")
    else:
        put(disk, tmp_path / "bad.efi", "/EFI/Linux/hadron_2+3.efi")
    # Of its four whole starts the console's log is enough.
    machines.screen = part != "service"
    began = time.monotonic()
    guest = machines.boot(disk, variables)
    # Each attempt of the bad service's version reaches the login prompt.
    guest.wait_start(4 if part == "service" else 1, 4 * BOOT_SECONDS)
    machines.notes["back on 1 after"] = f"{time.monotonic() - began:.0f} s"
    said = versions(guest)
    assert "running: 1" in said, said
    assert "hadron_2+0-3.efi" in said, said
    machines.notes["counter"] = "hadron_2+0-3.efi"
    assert state(guest) == "running"


CUTS = int(os.environ.get("HB_POWER_CUTS", "3"))


@pytest.mark.slow
def test_power_cuts_during_an_upgrade(machines: Machines, variables: Path, served: Server) -> None:
    """The machine loses power at each step of an upgrade: what starts next is version 1 or 2, whole, each time."""
    chance = random.Random(5)
    address = release(served)
    # Each command of the upgrade is told before it is run; it takes as many steps as it takes.
    upgrade = f"bash -x /usr/bin/hadron-update install {address}"
    disk = machines.disk()
    guest = machines.started(disk, variables)
    online(guest)
    trace = guest.run(upgrade, 900)
    steps = [line for line in trace.splitlines() if line.startswith("+")]
    assert "2 is installed" in trace
    guest.cut()
    found = {"1": 0, "2": 0}
    moments = spread(steps, CUTS)
    running = None
    cut_at: list[str] = []
    for moment in moments:
        if running != "1":
            disk = machines.disk()
            guest = machines.started(disk, variables)
        else:
            guest = machines.guests[-1]
        online(guest)
        if chance.random() < 0.5:
            guest.run("rm -rf /var/lib/hadron/update; sync")
        guest.send(upgrade)
        lines = 0
        limit = time.monotonic() + 900
        while lines <= moment and "is installed" not in guest.text and time.monotonic() < limit:
            guest.read()
            lines = len(re.findall(r"(?m)^\+", guest.text))
        time.sleep(chance.uniform(0, 0.5))
        guest.read()
        cut_at.append(guest.text.splitlines()[-1] if guest.text else "")
        guest.cut()
        guest = machines.started(disk, machines.scratch / "variables.fd")
        said = versions(guest)
        match = re.search(r"running: ([12])", said)
        assert match, said
        running = match[1]
        found[running] += 1
        # Whole: every block of the root that runs is read, and dm-verity is content with it.
        assert guest.run("cat /dev/dm-0 > /dev/null && echo whole", 600).split()[-1] == "whole"
        assert state(guest) == "running"
        machines.notes["cuts"] = f"{len(cut_at)}, then on 1: {found['1']}, on 2: {found['2']}"
        (machines.report / "cuts.txt").write_text("\n".join(cut_at) + "\n")
    # And then an upgrade succeeds.
    if running == "1":
        online(guest)
        assert "2 is installed" in guest.run(f"hadron-update install {address}", 900)
        guest.restart(BOOT_SECONDS)
    assert "running: 2" in versions(guest)


def spread(steps: list[str], count: int) -> list[int]:
    """Which steps to cut at: those that change something first, then evenly over the rest."""
    changing = re.compile(r"\++ (rm|mv|cp|sync|dd|sfdisk|bootctl|wget|mkdir)\b")
    chosen = [number for number, line in enumerate(steps) if changing.match(line)]
    if len(chosen) > count:
        chosen = [chosen[number * len(chosen) // count] for number in range(count)]
    rest = [number for number in range(len(steps)) if number not in chosen]
    missing = count - len(chosen)
    chosen += [rest[number * len(rest) // missing] for number in range(missing)] if missing else []
    return sorted(chosen)
