"""Two slots by GRUB: what its menu does with the counters, run as a script; and its block of variables, as the system writes it."""

from pathlib import Path

import pytest
from grubscript import boot

from hadronbake.diagnostics import HadronbakeError
from hadronbake.images import grubslots

MENU = grubslots.menu("Hadron Linux", "ro panic=10", 2)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A boot filesystem with both kernels."""
    for name in ("grub", "a", "b"):
        (tmp_path / name).mkdir()
    for slot in ("a", "b"):
        (tmp_path / slot / "vmlinuz").touch()
    return tmp_path


def environment(disk: Path, **values: str) -> None:
    block = {"first": "a", "tries": "3", "a_version": "1", "a_left": "good", "b_version": "", "b_left": "0"} | values
    (disk / "grub/grubenv").write_bytes(grubslots.environment_block(block))


def booted(disk: Path) -> tuple[str, str]:
    """The slot that is booted, and what the system is told of its attempts."""
    words = boot(MENU, disk).split()
    slot = next(word for word in words if word.startswith("hadron.slot=")).removeprefix("hadron.slot=")
    assert words[0] == f"/{slot}/vmlinuz"
    assert f"root=PARTLABEL=root-{slot}" in words
    assert words[-2:] == ["ro", "panic=10"]
    return slot, "".join(word for word in words if word.startswith("hadron.left="))


def test_a_new_version_has_its_attempts_and_then_the_other_is_back(disk: Path) -> None:
    environment(disk, first="b", b_version="2", b_left="3")
    starts = [booted(disk) for _ in range(5)]
    assert starts == [("b", "hadron.left=2"), ("b", "hadron.left=1"), ("b", "hadron.left=0"), ("a", ""), ("a", "")]


def test_what_is_good_is_not_counted(disk: Path) -> None:
    environment(disk, first="b", b_version="2", b_left="good")
    assert [booted(disk), booted(disk)] == [("b", ""), ("b", "")]


def test_the_only_version_is_booted_without_attempts_too(disk: Path) -> None:
    environment(disk, a_left="1")
    assert [booted(disk), booted(disk)] == [("a", "hadron.left=0"), ("a", "hadron.left=0")]


def test_a_kernel_that_is_not_there(disk: Path) -> None:
    (disk / "b/vmlinuz").unlink()
    environment(disk, first="b", b_version="2", b_left="3")
    assert [booted(disk) for _ in range(4)] == [("a", "")] * 4


def test_a_block_that_is_lost(disk: Path) -> None:
    (disk / "grub/grubenv").write_bytes(bytes(1024))
    assert booted(disk) == ("a", "")


@pytest.mark.parametrize("most", range(1, 10))
def test_as_many_attempts_as_are_asked_for(disk: Path, most: int) -> None:
    environment(disk, first="b", b_version="2", b_left=str(most))
    assert [booted(disk)[0] for _ in range(most + 1)] == ["b"] * most + ["a"]


def test_the_block_is_gnu_grubs() -> None:
    block = grubslots.environment_block(grubslots.new_environment("1.2~rc1", "3"))
    assert len(block) == 1024
    assert block.startswith(
        b"# GRUB Environment Block\nfirst=a\ntries=3\na_version=1.2~rc1\na_left=3\nb_version=\nb_left=0\n#"
    )
    assert set(block[512:]) == {ord("#")}


@pytest.mark.parametrize(
    ("version", "tries", "text"),
    [
        (
            "1 2",
            "3",
            "error[HBI148]: IMAGE_VERSION: '1 2' is no version\n  = hint: 1 to 64 letters, digits, '.', '~', '-'",
        ),
        ("1", "10", "error[HBI149]: IMAGE_TRIES: '10' is not a number from 1 to 9"),
    ],
)
def test_what_can_not_be_named_or_counted(version: str, tries: str, text: str) -> None:
    with pytest.raises(HadronbakeError) as error:
        grubslots.new_environment(version, tries)
    assert str(error.value) == text
