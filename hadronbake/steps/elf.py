"""What packaging and its checks want to know of an ELF file, read by pyelftools (format: the System V gABI)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

# e_machine as pyelftools names it, per TARGET_ARCH, with the word size in bits.
MACHINES = {
    "x86_64": ("EM_X86_64", 64),
    "i686": ("EM_386", 32),
    "aarch64": ("EM_AARCH64", 64),
    "riscv64": ("EM_RISCV", 64),
}


@dataclass(frozen=True, slots=True)
class ElfFile:
    """``kind``: "executable" (also PIE), "shared" (library), "object" or "core". ``stripped``: has no symbol table.

    ``needed``, ``soname``, ``search_path`` (RPATH and RUNPATH entries) and ``text_relocations`` come from the dynamic section.
    """

    kind: str
    machine: str
    bits: int
    needed: tuple[str, ...] = ()
    soname: str | None = None
    search_path: tuple[str, ...] = ()
    interpreter: str | None = None
    text_relocations: bool = False
    stripped: bool = True


def is_elf(path: Path) -> bool:
    """Whether a regular file begins with the ELF magic."""
    with path.open("rb") as stream:
        return stream.read(4) == b"\x7fELF"


def read(path: Path) -> ElfFile | None:
    """The facts of an ELF file, or None where the file is none (or is damaged beyond reading)."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.dynamic import DynamicSection, DynamicSegment
    from elftools.elf.elffile import ELFFile

    if not is_elf(path):
        return None
    try:
        with path.open("rb") as stream:
            elf = ELFFile(stream)
            interpreter: str | None = None
            dynamic: Any = None
            segment: Any
            for segment in elf.iter_segments():
                if segment.header.p_type == "PT_INTERP":
                    interpreter = segment.get_interp_name()
                elif isinstance(segment, DynamicSegment):
                    dynamic = segment
            needed: list[str] = []
            search: list[str] = []
            soname = None
            textrel = pie = False
            if dynamic is None:
                dynamic = next((s for s in elf.iter_sections() if isinstance(s, DynamicSection)), None)
            if dynamic is not None:
                for tag in dynamic.iter_tags():
                    name = tag.entry.d_tag
                    if name == "DT_NEEDED":
                        needed.append(tag.needed)
                    elif name == "DT_SONAME":
                        soname = tag.soname
                    elif name == "DT_RPATH":
                        search += tag.rpath.split(":")
                    elif name == "DT_RUNPATH":
                        search += tag.runpath.split(":")
                    elif name == "DT_TEXTREL" or (name == "DT_FLAGS" and tag.entry.d_val & 0x4):
                        textrel = True
                    elif name == "DT_FLAGS_1" and tag.entry.d_val & 0x08000000:
                        pie = True
            kind = {"ET_EXEC": "executable", "ET_DYN": "shared", "ET_REL": "object"}.get(elf.header.e_type, "core")
            if kind == "shared" and (pie or (interpreter is not None and soname is None)):
                kind = "executable"
            return ElfFile(
                kind=kind,
                machine=str(elf.header.e_machine),
                bits=int(elf.elfclass),
                needed=tuple(needed),
                soname=soname,
                search_path=tuple(search),
                interpreter=interpreter,
                text_relocations=textrel,
                stripped=elf.get_section_by_name(".symtab") is None,
            )
    except (ELFError, ValueError, KeyError, UnicodeDecodeError, OSError):
        return None
