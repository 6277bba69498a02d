"""The initramfs archive: read back by GNU cpio, and the same bytes whatever the tree's times and order were."""

import io
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import zstandard

from hadronbake.images import cpio

EPOCH = 1767225600


def make(root: Path, names: list[str]) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{name}\n")
    (root / "dev").mkdir()
    (root / "init").symlink_to("usr/lib/init")
    (root / names[0]).chmod(0o750)
    return root


def plain(root: Path) -> bytes:
    stream = io.BytesIO()
    cpio.write_plain(root, stream, EPOCH, cpio.DEVICES)
    return stream.getvalue()


@pytest.mark.skipif(shutil.which("cpio") is None, reason="reads the archive with GNU cpio")
def test_cpio_reads_what_was_written(tmp_path: Path) -> None:
    root = make(tmp_path / "tree", ["usr/lib/init", "etc/a", "etc/odd length"])
    target = tmp_path / "image"
    cpio.write(root, target, EPOCH, owners={"/etc/a": (7, 8)})
    content = zstandard.ZstdDecompressor().stream_reader(target.read_bytes()).read()
    listing = subprocess.run(
        ["cpio", "-itvn"],
        input=content,
        capture_output=True,
        check=True,
        env={**os.environ, "TZ": "UTC", "LC_ALL": "C"},
    ).stdout.decode()
    rows = {line.split(None, 8)[-1]: line.split() for line in listing.splitlines()}
    assert rows["usr/lib/init"][:4] == ["-rwxr-x---", "1", "0", "0"]
    assert rows["etc/a"][2:4] == ["7", "8"]
    assert rows["etc/odd length"][5:8] == ["Jan", "1", "2026"]
    console = next(line.split() for line in listing.splitlines() if line.endswith(" dev/console"))
    assert (console[0], console[4:6]) == ("crw-------", ["5,", "1"])
    assert "init -> usr/lib/init" in rows
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run(["cpio", "-id", "--quiet", "etc/*", "init"], input=content, cwd=out, check=True)
    assert (out / "etc/odd length").read_text() == "etc/odd length\n"
    assert (out / "init").readlink() == Path("usr/lib/init")


def test_the_same_bytes_for_the_same_tree(tmp_path: Path) -> None:
    names = ["b/x", "a/y", "c"]
    first, second = make(tmp_path / "one", names), make(tmp_path / "two", names[:1] + names[:0:-1])
    for path in second.rglob("*"):
        os.utime(path, (5, 5), follow_symlinks=False)
    os.link(first / "c", first / "d")
    (second / "d").write_text("c\n")
    assert plain(first) == plain(second)
    (second / "c").chmod(0o600)
    assert plain(first) != plain(second)
