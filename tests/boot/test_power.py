"""Power that fails during an upgrade, at any write, of hadron-image-trusted and of hadron-image-ab. (make test-boot SCENARIOS=power)

An upgrade is made once, by a machine whose writes are kept. A QEMU that is killed leaves the disk with the writes that it has made
until then, so a disk with the first n of them is what it would have left; a machine without power may also lose some that no flush
has followed. Each such disk is looked at, and many are started.
"""

import os
import random
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import slots as ab
import test_ab
import writes
from guest import Guest
from server import Server
from slots import SlotMachines
from trusted import BOOT_SECONDS, Machines, copied, image, next_release, online, partition, release

pytestmark = [pytest.mark.qemu, pytest.mark.slow, pytest.mark.xdist_group("power")]
# How many moments are looked at, each twice: with all writes until then, and without some that weren't flushed.
MOMENTS = int(os.environ.get("HB_POWER_MOMENTS", "30"))
# From how many of these disks a machine is started.
STARTS = int(os.environ.get("HB_POWER_STARTS", "30"))


def test_any_write_of_an_upgrade_may_be_the_last(
    machines: Machines, variables: Path, served: Server, tmp_path: Path
) -> None:
    """Whatever has reached the disk when power fails: what is started is version 1 or 2, whole; version 1 is always there."""
    disk = machines.disk()
    parts = {
        "table": [(0, 1 << 20), (disk.stat().st_size - (1 << 20), disk.stat().st_size)],
        "esp": [(1 << 20, partition(disk, "hadron_1"))],
        "slots": [(partition(disk, "hadron_1"), partition(disk, "state"))],
        "state": [(partition(disk, "state"), disk.stat().st_size - (1 << 20))],
    }
    failing(machines, variables, release(served), online, first_program, parts, tmp_path)


def test_any_write_of_an_upgrade_with_grub_may_be_the_last(slots: SlotMachines, served: Server, tmp_path: Path) -> None:
    """The same of the two slots between which GRUB chooses."""
    slots.firmware = "bios"
    disk = slots.disk()
    parts = {
        "esp": [(partition(disk, "esp"), partition(disk, "root-a"))],
        "slots": [(partition(disk, "root-a"), partition(disk, "state"))],
        "state": [(partition(disk, "state"), disk.stat().st_size - (1 << 20))],
    }
    failing(slots, None, test_ab.release(served), test_ab.kept, first_slot, parts, tmp_path)


def failing(
    machines: Machines,
    variables: Path | None,
    address: str,
    ready: Callable[[Guest], None],
    first: Callable[[Path, Path], tuple[str, bool]],
    parts: dict[str, list[tuple[int, int]]],
    scratch: Path,
) -> None:
    """The upgrade to ``address`` of a machine that is ``ready`` for it, and what is left if power fails during it. ``first``: the
    version that is started from a disk, and whether only a start can tell; AssertionError if one that might be started isn't whole.
    ``parts``: of the disk, in bytes."""
    machines.screen = False
    log, original = scratch / "writes.log", copied(scratch / "disk.img", scratch / "original.img")
    guest = machines.boot(scratch / "disk.img", variables, log=log)
    guest.wait_start(1, BOOT_SECONDS)
    ready(guest)
    guest.run("sync")
    begin, began = log.stat().st_size, time.monotonic()
    assert "2 is installed" in guest.run(f"hadron-update install {address}", 900)
    machines.notes["install"] = f"{time.monotonic() - began:.0f} s"
    guest.run("sync")
    end = log.stat().st_size
    guest.power_off(BOOT_SECONDS)
    made = writes.read(log)
    during = [number for number, write in enumerate(made) if begin <= write.kept < end]
    moments = chosen(made, during, parts)
    machines.notes["writes"] = f"{len(during)} writes and flushes, {len(moments)} moments"
    # Of every second of them the disk that has lost writes is started.
    starting = {moments[number * len(moments) // STARTS]: number % 2 for number in range(min(STARTS, len(moments)))}
    starting[moments[-1]] = 0
    solid, done = original, 0
    found, started = {"1": 0, "2": 0}, {"1": 0, "2": 0}
    chance = random.Random(5)
    wrong = []
    for moment in moments:
        safe = writes.flushed(made, moment)
        writes.apply(solid, log, made[done:safe])
        done = safe
        for lost, loose in enumerate((made[safe:moment], writes.survivors(made[safe:moment], chance))):
            trial = copied(solid, scratch / "trial.img")
            writes.apply(trial, log, loose)
            try:
                version, doubtful = first(trial, scratch)
                found[version] += 1
                if doubtful or starting.get(moment) == lost:
                    runs(machines, trial, variables, version)
                    started[version] += 1
            except AssertionError as error:
                wrong.append(f"after {moment} of {len(made)} writes, {len(loose)} of {moment - safe} loose: {error}")
                (machines.report / "wrong.txt").write_text("\n".join(wrong) + "\n")
            machines.notes["started in QEMU"] = f"{sum(started.values())}, on 1: {started['1']}, on 2: {started['2']}"
            machines.notes["looked at"] = f"{sum(found.values())} disks, 1: {found['1']}, 2: {found['2']}"
    assert not wrong, "\n".join(wrong[:10])
    assert started["1"] and started["2"]


def runs(machines: Machines, disk: Path, variables: Path | None, version: str) -> None:
    """The machine gets to its login prompt with this version, and nothing in it has failed."""
    guest = machines.started(disk, variables)
    try:
        assert f"running: {version}" in guest.run("hadron-update status")
        assert (
            guest.run("systemctl is-active local-fs.target var.mount hadron-etc.service").split()[-3:] == ["active"] * 3
        )
        failed = guest.run("systemctl --failed --no-pager")
        assert failed.endswith("0 loaded units listed."), failed
    finally:
        guest.cut()


def chosen(made: list[writes.Write], during: list[int], parts: dict[str, list[tuple[int, int]]]) -> list[int]:
    """Moments of all parts of the upgrade: as many at the writes of each part of the disk, and at flushes."""
    there: dict[str, list[int]] = {}
    for number in during:
        place = made[number].place
        part = "flush"
        if made[number].size:
            part = next(name for name, ranges in parts.items() if any(start <= place < end for start, end in ranges))
        there.setdefault(part, []).append(number)
    assert parts.keys() <= there.keys(), {part: len(found) for part, found in there.items()}
    moments = {during[0], during[-1] + 1}
    for found in there.values():
        share = MOMENTS // len(there)
        step = max(1, len(found) // share)
        # After the write.
        moments |= {number + 1 for number in found[::step][-share:]}
    return sorted(moments)


def from_esp(disk: Path, place: str, target: Path) -> bytes:
    target.unlink(missing_ok=True)
    command = ["mcopy", "-n", "-i", f"{disk}@@{partition(disk, 'esp')}", f"::{place}", target]
    taken = subprocess.run(command, check=False, capture_output=True, text=True)
    assert taken.returncode == 0, f"{place}: {taken.stderr}"
    return target.read_bytes()


def holds(disk: Path, label: str, whole: Path) -> bool:
    content = whole.read_bytes()
    with disk.open("rb") as stream:
        stream.seek(partition(disk, label))
        return stream.read(len(content)) == content


def first_program(disk: Path, scratch: Path) -> tuple[str, bool]:
    """The version that systemd-boot takes first. AssertionError if what can be started isn't whole, or the state can't be mended.

    A program's name may be there without its content, for a name on FAT is changed by steps: systemd-boot must pass it over.
    """
    esp = f"{disk}@@{partition(disk, 'esp')}"
    listed = subprocess.run(["mdir", "-b", "-i", esp, "::/EFI/Linux"], check=False, capture_output=True, text=True)
    assert listed.returncode == 0, f"no EFI/Linux: {listed.stderr}"
    found, empty = {}, False
    for name in re.findall(r"(hadron_[12]\S*\.efi)$", listed.stdout, re.MULTILINE):
        version = name.removeprefix("hadron_")[0]
        made = image(".release") if version == "1" else next_release()
        program = from_esp(disk, f"/EFI/Linux/{name}", scratch / "program")
        if not program:
            empty = True
            continue
        assert program == (made / f"hadron_{version}.efi").read_bytes(), f"{name} isn't whole"
        for suffix, label in (("erofs", ""), ("verity", "_verity")):
            whole = made / f"hadron_{version}.{suffix}"
            assert holds(disk, f"hadron_{version}{label}", whole), f"{name} is there, {whole.name} isn't whole"
        found[version] = name
    assert "1" in found, f"version 1 is lost: {listed.stdout}"
    mendable_state(disk, scratch)
    return max(found), empty


def first_slot(disk: Path, scratch: Path) -> tuple[str, bool]:
    """The version that GRUB takes first (see grub.cfg), which is never in doubt. AssertionError as of :func:`first_program`."""
    block = from_esp(disk, "/grub/grubenv", scratch / "grubenv").decode()
    assert len(block) == 1024, len(block)
    assert block.startswith("# GRUB Environment Block\n"), block[:60]
    said = dict(re.findall(r"(?m)^([a-z_]+)=(.*)$", block))
    found = {}
    for slot in ("a", "b"):
        version = said[f"{slot}_version"]
        if not version or said[f"{slot}_left"] == "0":
            continue
        made = ab.release() if version == "1" else ab.next_release()
        kernel = from_esp(disk, f"/{slot}/vmlinuz", scratch / "program")
        assert kernel == (made / f"hadron_{version}.vmlinuz").read_bytes(), f"slot {slot}: the kernel isn't whole"
        assert holds(disk, f"root-{slot}", made / f"hadron_{version}.erofs"), f"slot {slot}: the root isn't whole"
        found[slot] = version
    assert found.get("a") == "1", f"version 1 is lost: {said}"
    mendable_state(disk, scratch)
    return found.get(said["first"]) or found["b" if said["first"] == "a" else "a"], False


def mendable_state(disk: Path, scratch: Path) -> None:
    part = scratch / "state.img"
    command = ["dd", f"if={disk}", f"of={part}", "bs=1M", "iflag=skip_bytes", f"skip={partition(disk, 'state')}"]
    subprocess.run([*command, "conv=sparse", "status=none"], check=True)
    fsck = subprocess.run(["e2fsck", "-p", part], check=False, capture_output=True, text=True)
    part.unlink()
    assert fsck.returncode <= 1, f"the state: {fsck.stdout}{fsck.stderr}"
