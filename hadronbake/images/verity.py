"""A read-only root under dm-verity: an EROFS file, and the tree of hashes over it (the kernel's
``Documentation/admin-guide/device-mapper/verity.rst``). The same bytes for the same tree of files."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError
from hadronbake.images import archive, ownership
from hadronbake.images.filesystem import NAMESPACE
from hadronbake.images.filesystem import run as call
from hadronbake.steps.data import Data

BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Verity:
    """What the kernel must know to open the device: ``blocks`` of data, each of :data:`BLOCK` bytes; hexadecimal root hash and salt."""

    blocks: int
    root_hash: str
    salt: str


def run(d: Data) -> None:
    """do_verity: ``root.erofs``, ``root.verity`` and ``verity.json`` (:class:`Verity`) below VERITYDIR.

    Reads IMAGE_ROOTFS, IMAGE_MANIFEST, IMAGE_LABEL (of the volume), IMAGE_EROFS_OPTIONS (for mkfs.erofs), SOURCE_DATE_EPOCH.
    """
    root, target = Path(d.getVar("IMAGE_ROOTFS") or ""), Path(d.getVar("VERITYDIR") or "")
    epoch = int(d.getVar("SOURCE_DATE_EPOCH") or 0)
    owners = ownership.read(root, Path(d.getVar("IMAGE_MANIFEST") or ""))
    data, tree = target / "root.erofs", target / "root.verity"
    write_erofs(
        root, data, owners, epoch, d.getVar("IMAGE_LABEL") or "hadron-root", d.getVar("IMAGE_EROFS_OPTIONS") or ""
    )
    (target / "verity.json").write_text(json.dumps(asdict(seal(data, tree)), indent=1) + "\n")


def write_erofs(
    root: Path, target: Path, owners: Mapping[str, tuple[int, int]], epoch: int, label: str, options: str = ""
) -> None:
    """Write ``target`` by mkfs.erofs, from a tar stream: it says the owners, which the tree itself can't."""
    with tempfile.NamedTemporaryFile(dir=target.parent, suffix=".tar") as stream:
        archive.write_tar(root, stream, owners, epoch)
        stream.flush()
        identity = str(uuid.uuid5(NAMESPACE, label))
        target.unlink(missing_ok=True)
        call(
            [
                "mkfs.erofs",
                "--quiet",
                f"-T{epoch}",
                f"-U{identity}",
                f"-L{label[:15]}",
                *options.split(),
                "--tar=f",
                str(target),
                stream.name,
            ],
            os.environ,
        )
    short = -target.stat().st_size % BLOCK
    with target.open("ab") as padded:
        padded.write(bytes(short))


def seal(data: Path, tree: Path) -> Verity:
    """Write the hash tree of ``data`` to ``tree`` by veritysetup. Salt and UUID follow from the data, so that they are no chance."""
    with data.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    tree.unlink(missing_ok=True)
    command = ["veritysetup", "format", str(data), str(tree), "--hash=sha256", f"--salt={digest}"]
    command += [f"--data-block-size={BLOCK}", f"--hash-block-size={BLOCK}", f"--uuid={uuid.uuid5(NAMESPACE, digest)}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"^Root hash:\s*([0-9a-f]{64})$", done.stdout, re.MULTILINE)
    if done.returncode or found is None:
        raise HadronbakeError(
            Diagnostic("HBI111", f"veritysetup failed with status {done.returncode}: {done.stderr.strip()[-2000:]}")
        )
    return Verity(data.stat().st_size // BLOCK, found[1], digest)


def read(directory: Path) -> Verity:
    return Verity(**json.loads((directory / "verity.json").read_text()))


def table(verity: Verity, data: str, tree: str) -> str:
    """The device-mapper table, for ``dm-mod.create=``. A damaged block restarts the machine: what counts boot attempts must see it."""
    sectors = verity.blocks * (BLOCK // 512)
    words = [
        "0",
        sectors,
        "verity",
        1,
        data,
        tree,
        BLOCK,
        BLOCK,
        verity.blocks,
        1,
        "sha256",
        verity.root_hash,
        verity.salt,
    ]
    return " ".join(map(str, [*words, 1, "restart_on_corruption"]))
