"""A release as an OCI image layout: what its specification (image-spec 1.1) asks for."""

import hashlib
import json
from pathlib import Path

from hadronbake.images import release

FILES = {"SHA256SUMS": b"list", "SHA256SUMS.sig": b"\0\1", "hadron_2.erofs": b"root" * 100}


def files(directory: Path) -> dict[str, Path]:
    directory.mkdir()
    for name, content in FILES.items():
        (directory / name).write_bytes(content)
    return {name: directory / name for name in FILES}


def test_every_digest_and_size_is_that_of_its_blob(tmp_path: Path) -> None:
    release.write_layout(files(tmp_path / "files"), tmp_path / "oci", "2", 0)
    assert json.loads((tmp_path / "oci/oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    blobs = {path.name: path.read_bytes() for path in (tmp_path / "oci/blobs/sha256").iterdir()}
    assert all(hashlib.sha256(content).hexdigest() == name for name, content in blobs.items())
    index = json.loads((tmp_path / "oci/index.json").read_text())
    (entry,) = index["manifests"]
    assert entry["annotations"] == {"org.opencontainers.image.ref.name": "2"}
    manifest = json.loads(blobs[entry["digest"].removeprefix("sha256:")])
    found = {}
    for descriptor in (entry, manifest["config"], *manifest["layers"]):
        content = blobs.pop(descriptor["digest"].removeprefix("sha256:"))
        assert descriptor["size"] == len(content)
        found[descriptor.get("annotations", {}).get("org.opencontainers.image.title")] = content
    assert {name: found[name] for name in FILES} == FILES
    assert blobs == {}
    assert manifest["mediaType"] == entry["mediaType"] == "application/vnd.oci.image.manifest.v1+json"
    assert manifest["annotations"]["org.opencontainers.image.created"] == "1970-01-01T00:00:00Z"


def test_both_forms_and_the_same_bytes_twice(tmp_path: Path) -> None:
    made = files(tmp_path / "files")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        release.write(made, tmp_path / name, "image", "2", 1_767_225_600)
    trees = [
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("one", "two")
    ]
    assert trees[0] == trees[1]
    assert {path.name: path.read_bytes() for path in (tmp_path / "one/image.release").iterdir()} == FILES
