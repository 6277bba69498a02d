"""A release: what an upgrade takes, as a directory of files and as an OCI image layout (OCI image specification 1.1)."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
# The specification's guidance for what is no container: an empty configuration, and a type of our own.
EMPTY = "application/vnd.oci.empty.v1+json"
ARTIFACT = "application/vnd.hadron.release.v1"
LAYER = "application/octet-stream"
_ANNOTATION = "org.opencontainers.image"


def write(files: Mapping[str, Path], target: Path, link: str, version: str, epoch: int) -> None:
    """``<link>.release`` and ``<link>.oci`` below ``target``: ``files`` by their names, the signed list among them."""
    plain = target / f"{link}.release"
    plain.mkdir()
    for name, path in files.items():
        shutil.copyfile(path, plain / name)
    write_layout(files, target / f"{link}.oci", version, epoch)


def write_layout(files: Mapping[str, Path], target: Path, version: str, epoch: int) -> None:
    """One manifest, tagged with the version; each file is a layer whose title is its name. The same bytes for the same files."""
    blobs = target / "blobs/sha256"
    blobs.mkdir(parents=True)

    def text(value: object, media_type: str) -> dict[str, object]:
        content = json.dumps(value, separators=(",", ":")).encode()
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    layers = []
    for name, path in sorted(files.items()):
        with path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        shutil.copyfile(path, blobs / digest)
        layer = {"mediaType": LAYER, "digest": f"sha256:{digest}", "size": path.stat().st_size}
        layers.append({**layer, "annotations": {f"{_ANNOTATION}.title": name}})
    created = datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": ARTIFACT,
        "config": text({}, EMPTY),
        "layers": layers,
        "annotations": {f"{_ANNOTATION}.created": created, f"{_ANNOTATION}.version": version},
    }
    entry = {**text(manifest, MANIFEST), "artifactType": ARTIFACT, "annotations": {f"{_ANNOTATION}.ref.name": version}}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    (target / "index.json").write_text(json.dumps(index, separators=(",", ":")))
    (target / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
