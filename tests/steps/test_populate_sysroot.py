"""What of an installed tree other recipes see."""

from pathlib import Path

from hadronbake.steps import sysroot


class Values(dict[str, str]):
    def getVar(self, name: str) -> str | None:
        return self.get(name)


def test_the_parts_for_building(tmp_path: Path) -> None:
    image, target = tmp_path / "image", tmp_path / "destination"
    for name in (
        "usr/include/x.h",
        "usr/lib/libx.so.1",
        "usr/lib/libx.la",
        "usr/lib/python3/site-packages/x.py",
        "usr/share/man/man3/x.3",
        "usr/bin/x",
        "hb/native/usr/bin/tool",
        "hb/native/usr/share/man/man1/tool.1",
    ):
        (image / name).parent.mkdir(parents=True, exist_ok=True)
        (image / name).write_text(name)
    (image / "hb/native/usr/bin/tool").chmod(0o755)
    (image / "usr/lib/libx.so").symlink_to("libx.so.1")
    (image / "usr/lib/empty").mkdir()
    d = Values(
        D=str(image),
        SYSROOT_DESTDIR=str(target),
        STAGING_DIR_NATIVE="/hb/native",
        SYSROOT_DIRS="/usr/include /usr/lib /usr/share /usr/libexec",
        SYSROOT_DIRS_IGNORE="/usr/share/man /usr/lib/python*/site-packages",
    )
    sysroot.run(d)
    found = sorted(
        str(path.relative_to(target)) for path in target.rglob("*") if not path.is_dir() or path.is_symlink()
    )
    assert found == [
        "native/usr/bin/tool",
        "sysroot/usr/include/x.h",
        "sysroot/usr/lib/libx.so",
        "sysroot/usr/lib/libx.so.1",
    ]
    assert (target / "native/usr/bin/tool").stat().st_mode & 0o777 == 0o755
    assert (target / "sysroot/usr/lib/libx.so").readlink() == Path("libx.so.1")
    assert not (target / "sysroot/usr/lib/empty").exists()
    assert not (target / "sysroot/usr/share").exists()
