"""hadron-image boots in QEMU to a system that says "running". Needs qemu-system-x86_64 and a built image (make test-boot)."""

import re
import time
from collections.abc import Iterator

import pytest
from guest import Guest, deployed

from hadronbake.images import qemu

# One machine for all of them.
pytestmark = [pytest.mark.qemu, pytest.mark.xdist_group("direct-kernel")]

BOOT_SECONDS = 180
APPEND = "root=/dev/vda rw console=ttyS0 systemd.debug_shell systemd.default_debug_tty=ttyS1"


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    kernel, disk = qemu.find_image(deployed(), "hadron-image")
    machine = Guest(tmp_path_factory.mktemp("boot"), qemu.Machine(disk=disk, kernel=kernel, append=APPEND))
    yield machine
    machine.end()


def test_login_prompt(guest: Guest) -> None:
    guest.wait_console(r"login: ", BOOT_SECONDS)
    print(f"login prompt after {time.monotonic() - guest.started:.1f} s")


def test_system_is_running(guest: Guest) -> None:
    guest.wait_shell(BOOT_SECONDS)
    state = guest.run("systemctl is-system-running --wait", BOOT_SECONDS)
    failed = guest.run("systemctl --failed --no-legend --plain --no-pager")
    assert failed == "", failed + "\n" + guest.run("journalctl -b -p warning --no-pager | tail -n 40")
    assert state.splitlines()[-1] == "running"


def test_what_comes_after_the_prompt_has_its_full_share_then(guest: Guest) -> None:
    """The weight that services have while the system starts is theirs no longer."""
    units = "sshd systemd-networkd systemd-resolved"
    told = guest.run(f"systemctl show -P StartupCPUWeight {units} | cat").split()
    assert told == ["5", "5", "5"]
    files = " ".join(f"/sys/fs/cgroup/system.slice/{unit}.service/cpu.weight" for unit in units.split())
    assert guest.run(f"cat {files}").split() == ["100", "100", "100"]


def test_nobody_has_a_password(guest: Guest) -> None:
    for line in guest.run("cat /etc/shadow").splitlines():
        assert re.match(r"[\w-]+:[!*]", line), line


def test_clean_power_off(guest: Guest) -> None:
    guest.power_off()
