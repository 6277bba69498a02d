"""Power that fails during an upgrade of hadron-image-trusted, at any write. (make test-trusted)"""

import os
import random
import re
import subprocess
from pathlib import Path

import pytest
import writes
from server import Server
from trusted import BOOT_SECONDS, ESP, Machines, copied, get, image, next_release, online, partition, release

pytestmark = [pytest.mark.qemu, pytest.mark.slow]
# How many moments are looked at, each twice: with all writes until then, and without some that weren't flushed.
MOMENTS = int(os.environ.get("HB_POWER_MOMENTS", "60"))


def test_any_write_of_an_upgrade_may_be_the_last(
    machines: Machines, variables: Path, served: Server, tmp_path: Path
) -> None:
    """Whatever has reached the disk when power fails: what is started is version 1 or 2, whole; version 1 is always there."""
    address = release(served)
    disk, log = machines.disk(), tmp_path / "writes.log"
    guest = machines.boot(disk, variables, log=log)
    guest.wait_start(1, BOOT_SECONDS)
    online(guest)
    guest.run("sync")
    begin = log.stat().st_size
    assert "2 is installed" in guest.run(f"hadron-update install {address}", 900)
    guest.run("sync")
    end = log.stat().st_size
    guest.power_off(BOOT_SECONDS)
    made = writes.read(log)
    during = [number for number, write in enumerate(made) if begin <= write.kept < end]
    moments = chosen(made, during, disk)
    solid, done = copied(image(".img"), tmp_path / "solid.img"), 0
    started = {"1": 0, "2": 0}
    chance = random.Random(5)
    wrong = []
    for moment in moments:
        safe = writes.flushed(made, moment)
        writes.apply(solid, log, made[done:safe])
        done = safe
        for loose in (made[safe:moment], writes.survivors(made[safe:moment], chance)):
            trial = copied(solid, tmp_path / "trial.img")
            writes.apply(trial, log, loose)
            try:
                started[first(trial, tmp_path)] += 1
            except AssertionError as error:
                wrong.append(f"after {moment} of {len(made)} writes, {len(loose)} of {moment - safe} loose: {error}")
                (machines.report / "wrong.txt").write_text("\n".join(wrong) + "\n")
    machines.notes["writes"] = f"{len(during)} writes and flushes, {len(moments)} moments"
    machines.notes["then started"] = f"1: {started['1']}, 2: {started['2']}, neither: {len(wrong)}"
    assert not wrong, "\n".join(wrong[:10])
    assert started["1"] and started["2"]


def chosen(made: list[writes.Write], during: list[int], disk: Path) -> list[int]:
    """Moments of all parts of the upgrade: as many at writes of the partition table, of the ESP, of the slots and of the state."""
    size = disk.stat().st_size
    state, slots = partition(disk, "state"), partition(disk, "hadron_1")
    parts: dict[str, list[int]] = {}
    for number in during:
        place = made[number].place
        if not made[number].size:
            part = "flush"
        elif place < 1 << 20 or place > size - (1 << 20):
            part = "table"
        elif place < min(state, slots):
            part = "esp"
        else:
            part = "state" if place >= state else "slots"
        parts.setdefault(part, []).append(number)
    assert {"table", "esp", "slots", "state"} <= parts.keys(), {part: len(found) for part, found in parts.items()}
    moments = {during[0], during[-1] + 1}
    for found in parts.values():
        share = MOMENTS // len(parts)
        step = max(1, len(found) // share)
        # After the write.
        moments |= {number + 1 for number in found[::step][-share:]}
    return sorted(moments)


def first(disk: Path, scratch: Path) -> str:
    """The version that systemd-boot takes first. AssertionError if what can be started isn't whole, or the state can't be mended."""
    listed = subprocess.run(
        ["mdir", "-b", "-i", f"{disk}{ESP}", "::/EFI/Linux"], check=False, capture_output=True, text=True
    )
    assert listed.returncode == 0, f"no EFI/Linux: {listed.stderr}"
    found = {}
    for name in re.findall(r"(hadron_[12]\S*\.efi)$", listed.stdout, re.MULTILINE):
        version = name.removeprefix("hadron_")[0]
        made = image(".release") if version == "1" else next_release()
        (scratch / "program.efi").unlink(missing_ok=True)
        program = get(disk, f"/EFI/Linux/{name}", scratch / "program.efi")
        assert program.read_bytes() == (made / f"hadron_{version}.efi").read_bytes(), f"{name} isn't whole"
        for suffix, label in (("erofs", ""), ("verity", "_verity")):
            whole = (made / f"hadron_{version}.{suffix}").read_bytes()
            with disk.open("rb") as stream:
                stream.seek(partition(disk, f"hadron_{version}{label}"))
                assert stream.read(len(whole)) == whole, f"{name} is there, hadron_{version}.{suffix} isn't whole"
        found[version] = name
    assert "1" in found, f"version 1 is lost: {listed.stdout}"
    part = scratch / "state.img"
    start = str(partition(disk, "state"))
    command = [
        "dd",
        f"if={disk}",
        f"of={part}",
        "bs=1M",
        "iflag=skip_bytes",
        f"skip={start}",
        "conv=sparse",
        "status=none",
    ]
    subprocess.run(command, check=True)
    fsck = subprocess.run(["e2fsck", "-p", part], check=False, capture_output=True, text=True)
    part.unlink()
    assert fsck.returncode <= 1, f"the state: {fsck.stdout}{fsck.stderr}"
    return max(found)
