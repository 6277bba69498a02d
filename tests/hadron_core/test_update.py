"""hadron-update with GRUB's slots, run on files in the place of partitions: what it takes, what it refuses, and what is booted
when power fails before any one of its commands."""

import os
import re
import shutil
import struct
import subprocess
import uuid
from pathlib import Path

import pytest
from grubscript import boot

from hadronbake.images import grubslots, release

BOOT = Path(__file__).parents[2] / "layers/hadron-core/recipes-boot"
CERTIFICATE = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test"]
PLACES = ("/usr/lib/hadron", "/usr/lib/os-release", "/efi", "/dev/disk/by-partlabel", "/proc/cmdline", "/proc/sys/vm")
PLACES += ("/var/lib/hadron", "/run/hadron-update.lock", "/sys/firmware")


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("keys")
    for name in ("db", "other"):
        command = [*CERTIFICATE, "-keyout", made / f"{name}.key", "-out", made / f"{name}.crt"]
        subprocess.run(command, check=True, capture_output=True)
    return made


class Machine:
    """A system below a directory: version 1 runs from slot a, and is good."""

    def __init__(self, top: Path, keys: Path) -> None:
        self.top, self.keys = top, keys
        for place in (
            "efi/grub",
            "efi/a",
            "efi/b",
            "dev/disk/by-partlabel",
            "proc/sys/vm",
            "run",
            "usr/lib/hadron/keys",
            "bin",
        ):
            (top / place).mkdir(parents=True)
        shutil.copyfile(keys / "db.crt", top / "usr/lib/hadron/keys/db.crt")
        for name in ("loader", "loader-grub", "loader-uki"):
            self.script(BOOT / "hadron-state/files" / name, top / "usr/lib/hadron" / name)
        self.script(BOOT / "hadron-update/files/hadron-update", top / "hadron-update")
        (top / "usr/lib/os-release").write_text("NAME=x\nIMAGE_VERSION=1\n")
        (top / "proc/cmdline").write_text("BOOT_IMAGE=/a/vmlinuz root=PARTLABEL=root-a hadron.slot=a ro\n")
        for name, said in (("id", "echo 0"), ("blockdev", "echo 65536")):
            (top / "bin" / name).write_text(f"#!/bin/sh\n{said}\n")
            (top / "bin" / name).chmod(0o755)
        self.set()
        (top / "efi/a/vmlinuz").write_text("kernel 1")
        (top / "dev/disk/by-partlabel/root-a").write_bytes(b"root 1".ljust(65536, b"\0"))
        (top / "dev/disk/by-partlabel/root-b").write_bytes(bytes(65536))

    def script(self, source: Path, target: Path) -> None:
        text = source.read_text()
        for place in PLACES:
            text = re.sub(rf"(?<![\w/]){place}\b", f"{self.top}{place}", text)
        target.write_text(text.replace("[ -b ", "[ -e "))

    def set(self, **values: str) -> None:
        block = grubslots.new_environment("1", "3") | {"a_left": "good"} | values
        (self.top / "efi/grub/grubenv").write_bytes(grubslots.environment_block(block))

    def get(self) -> dict[str, str]:
        lines = (self.top / "efi/grub/grubenv").read_text().splitlines()[1:]
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def run(self, *words: str | Path, **more: str) -> str:
        """What it says, in both streams, and its status where that isn't 0."""
        environment = {"PATH": f"{self.top}/bin:{os.environ['PATH']}:/usr/sbin", **more}
        done = subprocess.run(
            ["bash", *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        return done.stdout + (f"status {done.returncode}" if done.returncode else "")

    def update(self, *words: str | Path) -> str:
        return self.run(self.top / "hadron-update", *words)

    def release(self, version: str = "2", key: str = "db", root: str = "") -> dict[str, Path]:
        here = self.top / f"made-{version}-{key}"
        here.mkdir()
        (here / f"hadron_{version}.erofs").write_text(root or f"root {version}")
        (here / f"hadron_{version}.vmlinuz").write_text(f"kernel {version}")
        names = sorted(path.name for path in here.iterdir())
        (here / "SHA256SUMS").write_bytes(subprocess.check_output(["sha256sum", *names], cwd=here))
        sign = ["openssl", "dgst", "-sha256", "-sign", self.keys / f"{key}.key", "-out", "SHA256SUMS.sig", "SHA256SUMS"]
        subprocess.run(sign, cwd=here, check=True)
        return {path.name: path for path in here.iterdir()}

    def boots(self) -> str:
        """The version that GRUB boots now. It is whole."""
        words = boot(grubslots.menu("Hadron", "ro", 0), self.top / "efi").split()
        slot = words[0].split("/")[1]
        kernel = (self.top / f"efi{words[0]}").read_text()
        root = (self.top / f"dev/disk/by-partlabel/root-{slot}").read_bytes().rstrip(b"\0").decode()
        version = kernel.removeprefix("kernel ")
        assert root == f"root {version}"
        assert self.get()[f"{slot}_version"] == version
        return version


@pytest.fixture
def machine(tmp_path: Path, keys: Path) -> Machine:
    return Machine(tmp_path, keys)


def directory(files: dict[str, Path]) -> str:
    return str(next(iter(files.values())).parent)


def test_an_upgrade_and_the_way_back(machine: Machine) -> None:
    source = directory(machine.release())
    assert machine.update("status") == "running: 1\nslot a: 1 (runs): good\nslot b: empty\nnext: slot a\n"
    assert machine.update("check", source) == "2 is newer than 1, which runs\n"
    assert machine.update("install", source) == "2 is installed; restart to boot it\n"
    assert machine.get() == {
        "first": "b",
        "tries": "3",
        "a_version": "1",
        "a_left": "good",
        "b_version": "2",
        "b_left": "3",
    }
    assert (machine.top / "efi/grub/grubenv").stat().st_size == 1024
    assert machine.update("status").splitlines()[2:] == ["slot b: 2 (ready): 3 attempts left", "next: slot b"]
    assert machine.boots() == "2"
    (machine.top / "proc/cmdline").write_text("root=PARTLABEL=root-b hadron.slot=b hadron.left=2 ro\n")
    (machine.top / "usr/lib/os-release").write_text("IMAGE_VERSION=2\n")
    machine.run("-ec", f". {machine.top}/usr/lib/hadron/loader; bless")
    assert machine.update("status") == "running: 2\nslot a: 1 (ready): good\nslot b: 2 (runs): good\nnext: slot b\n"
    assert machine.update("rollback") == "1 is booted next\n"
    assert machine.boots() == "1"


def test_from_an_oci_layout(machine: Machine) -> None:
    layout = machine.top / "layout"
    release.write_layout(machine.release(), layout, "2", 0)
    said = machine.update("install", f"oci:{layout}:3")
    assert said == f"hadron-update: {layout} has no release with the tag 3\nstatus 1"
    assert machine.update("install", f"oci:{layout}:2") == "2 is installed; restart to boot it\n"
    assert machine.boots() == "2"


def test_a_layout_of_several_releases(machine: Machine) -> None:
    layout, more = machine.top / "layout", machine.top / "more"
    release.write_layout(machine.release("2"), layout, "2", 0)
    release.write_layout(machine.release("3"), more, "3", 0)
    shutil.copytree(more / "blobs", layout / "blobs", dirs_exist_ok=True)
    one, two = ((place / "index.json").read_text() for place in (layout, more))
    manifests = one.split('"manifests":[')[1].removesuffix("]}") + "," + two.split('"manifests":[')[1]
    (layout / "index.json").write_text(one.split('"manifests":[')[0] + '"manifests":[' + manifests)
    assert machine.update("check", f"oci:{layout}") == (
        f"hadron-update: {layout} has several releases\nhadron-update: hint: name one by its tag: oci:{layout}:TAG\nstatus 1"
    )
    assert machine.update("check", f"oci:{layout}:3") == "3 is newer than 1, which runs\n"


@pytest.mark.parametrize("what", ["index", "manifest", "list"])
def test_a_damaged_layout(machine: Machine, what: str) -> None:
    layout = machine.top / "layout"
    files = machine.release()
    release.write_layout(files, layout, "2", 0)
    if what == "index":
        (layout / "index.json").write_text('{"manifests": 3}')
    else:
        for blob in (layout / "blobs/sha256").iterdir():
            if blob.read_bytes()[:1] == b"{" and what == "manifest":
                blob.write_bytes(blob.read_bytes().replace(b"SHA256SUMS", b"SHA256SUNS"))
            elif blob.read_bytes() == files["SHA256SUMS"].read_bytes() and what == "list":
                blob.write_text("")
    before = machine.get()
    said = machine.update("install", f"oci:{layout}")
    wanted = {
        "index": "index.json isn't the index of an OCI image layout",
        "manifest": "manifest.json isn't what its digest says",
        "list": "SHA256SUMS isn't what its digest says",
    }
    assert wanted[what] in said
    assert machine.get() == before


def test_what_is_refused(machine: Machine) -> None:
    before = machine.get()

    def refused(source: str, text: str) -> None:
        assert text in machine.update("install", source)
        assert (machine.get(), machine.boots()) == (before, "1")

    refused(directory(machine.release(key="other")), "the release isn't signed by a key that this machine trusts")
    refused(directory(machine.release("1")), "1 is not newer than 1, which runs")
    refused(directory(machine.release("3", root="x" * 65537)), "the root of 3 is larger than the slot")
    good = machine.release()
    good["hadron_2.erofs"].write_text("root 3")
    refused(directory(good), "hadron_2.erofs isn't what the signed list says")
    good["hadron_2.erofs"].unlink()
    refused(directory(good), "hadron_2.erofs isn't there")


def test_the_last_good_version_is_not_written_over(machine: Machine) -> None:
    machine.set(a_left="2", b_version="0", b_left="good")
    said = machine.update("install", directory(machine.release()))
    assert said.startswith(
        "hadron-update: 1 is still on trial, and the other slot is the only one that is known to be good\n"
    )
    # With nothing good in the other slot there is nothing to lose.
    machine.set(a_left="0", b_version="0", b_left="0")
    assert machine.update("install", directory(machine.release("3"))) == "3 is installed; restart to boot it\n"


@pytest.mark.parametrize("content", [None, b"", bytes(1024)])
def test_a_lost_block_is_written_anew(machine: Machine, content: bytes | None) -> None:
    block = machine.top / "efi/grub/grubenv"
    block.unlink()
    if content is not None:
        block.write_bytes(content)
    assert machine.update("status") == "running: 1\nslot a: 1 (runs): not counted\nslot b: empty\nnext: slot a\n"
    assert machine.update("install", directory(machine.release())) == "2 is installed; restart to boot it\n"
    assert block.stat().st_size == 1024
    assert [machine.boots() for _ in range(4)] == ["2", "2", "2", "1"]


CUT = "set -T; count=0; trap 'count=$((count + 1)); [ $count -ne $CUT ] || kill -9 $$' DEBUG\n"


def test_power_may_fail_before_any_command(machine: Machine) -> None:
    """Cut before the first command of the writing, the second, … until it is through: a whole version is booted each time."""
    files = machine.release()
    script = (machine.top / "hadron-update").read_text().split('\n[ "$(id -u)"')[0]
    (machine.top / "cut").write_text(f"{script}\nversion=2\n{CUT}write\n")
    work, other = machine.top / "var/lib/hadron/update", machine.top / "dev/disk/by-partlabel/root-b"
    machine.set(b_version="0", b_left="good")
    (machine.top / "efi/b/vmlinuz").write_text("kernel 0")
    whole = shutil.copytree(machine.top / "efi", machine.top / "before")
    found = []
    for cut in range(1, 200):
        shutil.rmtree(machine.top / "efi")
        shutil.copytree(whole, machine.top / "efi")
        other.write_bytes(b"root 0".ljust(65536, b"\0"))
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        for name, path in files.items():
            shutil.copyfile(path, work / name)
        said = machine.run(machine.top / "cut", CUT=str(cut))
        found.append(machine.boots())
        if not said:
            break
    assert said == ""
    assert found == sorted(found)
    assert found.count("1") > 20
    assert found[-1] == "2"


@pytest.mark.parametrize(
    ("left", "other", "failed", "said"),
    [
        ("2", {}, "", ""),
        ("2", {}, "x.service", "restart"),
        ("0", {"b_version": "0", "b_left": "good"}, "x.service", "restart"),
        ("0", {"b_version": "0", "b_left": "0"}, "x.service", "no restart"),
        ("0", {}, "x.service", "no restart"),
        (None, {"b_version": "0", "b_left": "good"}, "x.service", "no restart"),
    ],
)
def test_a_bad_version_restarts_the_machine_while_there_is_something_else_to_try(
    machine: Machine, left: str | None, other: dict[str, str], failed: str, said: str
) -> None:
    machine.set(a_left=left or "good", **other)
    counted = f"hadron.left={left}" if left else ""
    (machine.top / "proc/cmdline").write_text(f"root=PARTLABEL=root-a hadron.slot=a {counted} ro\n")
    systemctl = machine.top / "bin/systemctl"
    systemctl.write_text(
        "#!/bin/sh\n"
        f'case $1 in list-units) echo "{failed} loaded failed failed" | grep service ;; reboot) echo "restart" ;; esac\n'
        "exit 0\n"
    )
    systemctl.chmod(0o755)
    machine.script(BOOT / "hadron-state/files/health", machine.top / "health")
    answer = machine.run(machine.top / "health", HADRON_HEALTH_SECONDS="0").splitlines()
    if not said:
        assert answer == []
        return
    assert answer[0] == "this version is bad: x.service has failed"
    assert ("restart" in answer[1:]) == (said == "restart")
    assert answer[-1] == "status 1"


def uki(machine: Machine, script: str) -> str:
    """With the functions for systemd-boot, and firmware's variables below the directory."""
    (machine.top / "proc/cmdline").write_text("root=/dev/dm-0\n")
    (machine.top / "sys/firmware/efi/efivars").mkdir(parents=True)
    return f". {machine.top}/usr/lib/hadron/loader; {script}"


def test_the_keys_that_firmware_trusts(machine: Machine) -> None:
    """EFI_SIGNATURE_LISTs of the UEFI specification 2.10, §32.4.1: of hashes, which are passed over, and of certificates."""
    script = uki(machine, f"work={machine.top}; trusted; cd {machine.top}; cat key-*.pem")
    lists, owner = b"", bytes(16)
    x509 = uuid.UUID("a5c059a1-94e4-4aa7-87b5-ab155c2bf072").bytes_le
    sha256 = uuid.UUID("c1c41626-504c-4092-aca9-41f936934328").bytes_le
    ders = [
        subprocess.check_output(["openssl", "x509", "-in", machine.keys / f"{name}.crt", "-outform", "der"])
        for name in ("db", "other")
    ]
    for kind, entries in ((x509, ders[:1]), (sha256, [bytes(32), bytes(32)]), (x509, ders[1:])):
        each = 16 + len(entries[0])
        lists += kind + struct.pack("<III", 28 + each * len(entries), 0, each)
        lists += b"".join(owner + entry for entry in entries)
    variable = "sys/firmware/efi/efivars/db-d719b2cb-3d3a-4596-a3bc-dad00e67656f"
    (machine.top / variable).write_bytes(bytes(4) + lists)
    public = [
        subprocess.check_output(
            ["openssl", "x509", "-in", machine.keys / f"{name}.crt", "-noout", "-pubkey"], text=True
        )
        for name in ("db", "other")
    ]
    assert machine.run("-euc", script) == "".join(public)


@pytest.mark.parametrize(
    ("booted", "others", "said"),
    [
        ("hadron_2+2-1.efi", [], "another"),
        ("hadron_2+0-3.efi", ["hadron_1.efi"], "another"),
        ("hadron_2+0-3.efi", ["hadron_1+0-3.efi"], "none"),
        ("hadron_2+0-3.efi", [], "none"),
    ],
)
def test_whether_there_is_something_else_to_try(machine: Machine, booted: str, others: list[str], said: str) -> None:
    script = uki(machine, "if another; then echo another; else echo none; fi")
    path = f"\\EFI\\Linux\\{booted}\0".encode("utf-16-le")
    variable = "sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
    (machine.top / variable).write_bytes(bytes(4) + path)
    (machine.top / "efi/EFI/Linux").mkdir(parents=True)
    for name in (booted, *others):
        (machine.top / "efi/EFI/Linux" / name).touch()
    assert machine.run("-euc", script) == f"{said}\n"
