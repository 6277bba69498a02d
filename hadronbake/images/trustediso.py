"""A medium for UEFI alone, as a CD and as a disk: it boots one signed program, which is the live system, and enrols its keys.

The program's command line names the digest of the disk that the installer writes: the signature covers that as well.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from hadronbake.images import iso, usi
from hadronbake.images.grubdisk import find_input
from hadronbake.steps.data import Data

PACKED = "disk.img.zst"


def program(d: Data) -> None:
    """do_uki: the program, and the packed disk, below UKIDIR. Reads ISO_INSTALLS, ISO_LABEL, and what :func:`usi.program` reads."""
    packed, installs = Path(d.getVar("UKIDIR") or "") / PACKED, d.getVar("ISO_INSTALLS")
    if not installs:
        usi.program(d)
        return
    image = find_input(f"{installs}/do_disk/**/*.img")
    iso.pack(image, packed)
    (packed.parent / "disk.size").write_text(f"{image.stat().st_size}\n")
    with packed.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    usi.program(d, f"hadron.medium={d.getVar('ISO_LABEL')}", f"hadron.disk={digest}")


def run(d: Data) -> None:
    """do_iso: ``<IMAGE_LINK_NAME>.iso`` and ``.pcr11`` below IMGDEPLOYDIR.

    Reads UKIDIR, ISO_LABEL, SOURCE_DATE_EPOCH, and what :func:`usi.boot_partition` reads.
    """
    target, tree = Path(d.getVar("IMGDEPLOYDIR") or ""), Path(d.getVar("WORKDIR") or "") / "iso"
    shutil.rmtree(tree, ignore_errors=True)
    (tree / "boot").mkdir(parents=True)
    for path in sorted(Path(d.getVar("UKIDIR") or "").glob("disk.*")):
        shutil.copyfile(path, tree / "boot" / path.name)
    usi.boot_partition(d, tree / "boot/efi.img")
    target.mkdir(parents=True, exist_ok=True)
    # A boot image of 32 MiB and more has no size in El Torito's catalogue: firmware takes it to reach to the volume's end, so it must
    # be in the volume, not after it.
    options = ["-e", "boot/efi.img", "-no-emul-boot", "--efi-boot-part", "--efi-boot-image", "--protective-msdos-label"]
    iso.run_xorriso(
        options,
        tree,
        target / f"{d.getVar('IMAGE_LINK_NAME')}.iso",
        d.getVar("ISO_LABEL") or "",
        int(d.getVar("SOURCE_DATE_EPOCH") or 0),
    )
    usi.measured(d, target)
