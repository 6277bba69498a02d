"""ext4 files: reproducible, right owners, sound. Needs mkfs.ext4, debugfs and e2fsck."""

import os
import subprocess
import time
from pathlib import Path

from hadronbake.images import filesystem


def tree(root: Path) -> None:
    (root / "etc").mkdir(parents=True)
    (root / "etc/name with blank").write_text("x")
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/su").write_text("su")
    (root / "usr/bin/su").chmod(0o4755)
    (root / "bin").symlink_to("usr/bin")


def test_two_trees_made_at_different_times_give_the_same_bytes(tmp_path: Path) -> None:
    images = []
    for number in (1, 2):
        root, target = tmp_path / f"root{number}", tmp_path / f"{number}.ext4"
        tree(root)
        filesystem.write(root, target, {"/usr/bin/su": (12, 34)}, 1_700_000_000, "test", 0)
        images.append(target.read_bytes())
        time.sleep(1.1)
    assert images[0] == images[1]
    target = tmp_path / "1.ext4"
    subprocess.run(["e2fsck", "-fn", str(target)], check=True, capture_output=True)
    environment = {**os.environ, "TZ": "UTC"}
    shown = subprocess.run(
        ["debugfs", "-R", "stat /usr/bin/su", str(target)], check=True, capture_output=True, text=True, env=environment
    ).stdout
    assert "Mode:  04755" in shown
    assert "User:    12   Group:    34" in shown
    assert shown.count("Tue Nov 14 22:13:20 2023") == 4
