"""do_image: the finished root filesystem in each format of IMAGE_FSTYPES, below ``${IMGDEPLOYDIR}``."""

from __future__ import annotations

import shutil
from pathlib import Path

from hadronbake.diagnostics import Diagnostic, HadronbakeError, closest
from hadronbake.images import archive, filesystem, ownership
from hadronbake.steps.data import Data, words

FORMATS = ("tar.zst", "ext4")


def run(d: Data) -> None:
    """Reads IMAGE_ROOTFS, IMAGE_MANIFEST, IMAGE_FSTYPES, IMAGE_LINK_NAME, IMGDEPLOYDIR, IMAGE_ROOTFS_EXTRA_SPACE (KiB)."""
    root, manifest = Path(d.getVar("IMAGE_ROOTFS") or ""), Path(d.getVar("IMAGE_MANIFEST") or "")
    target, name = Path(d.getVar("IMGDEPLOYDIR") or ""), d.getVar("IMAGE_LINK_NAME") or ""
    epoch = int(d.getVar("SOURCE_DATE_EPOCH") or 0)
    extra = int(d.getVar("IMAGE_ROOTFS_EXTRA_SPACE") or 0) * 1024
    formats = words(d.getVar("IMAGE_FSTYPES"))
    for word in formats:
        if word not in FORMATS:
            near = closest(word, FORMATS)
            hint = f"did you mean {near}?" if near else None
            raise HadronbakeError(
                Diagnostic("HBI112", f"IMAGE_FSTYPES: no way to make '{word}'", expected=FORMATS, hint=hint)
            )
    owners = ownership.read(root, manifest)
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(manifest, target / f"{name}.manifest.json")
    if "tar.zst" in formats:
        archive.write(root, target / f"{name}.rootfs.tar.zst", owners, epoch)
    if "ext4" in formats:
        filesystem.write(root, target / f"{name}.ext4", owners, epoch, d.getVar("IMAGE_LABEL") or "hadron-root", extra)
