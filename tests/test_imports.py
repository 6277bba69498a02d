"""The imports between rooms are those of the table in docs/architecture.md."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "hadronbake"


def allowed() -> dict[str, set[str]]:
    """room → prefixes it may import, read from the table in the document."""
    rows = re.findall(r"^\| `(\w+)/` \| (.*) \|$", (ROOT / "docs/architecture.md").read_text(), re.M)
    table: dict[str, set[str]] = {}
    for room, text in rows:
        text = re.sub(r"\([^)]*\)", "", text)
        table[room] = {word.strip("` ,") for word in text.replace("–", "").split(",") if word.strip("` ")}
    return table


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {name.removeprefix("hadronbake.") for name in names if name.startswith("hadronbake.")}


@pytest.mark.parametrize("room", sorted(p.name for p in PACKAGE.iterdir() if p.is_dir() and p.name != "__pycache__"))
def test_room_imports_only_what_the_table_allows(room: str) -> None:
    table = allowed()
    assert room in table, f"{room} has no row in docs/architecture.md"
    permitted = {*table[room], room, "diagnostics", "__version__"}
    if "everything" in permitted:
        return
    wrong = []
    for path in (PACKAGE / room).rglob("*.py"):
        for name in imported(path):
            if not any(name == item or name.startswith(item + ".") for item in permitted):
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_no_module_is_over_600_lines() -> None:
    long = [f"{path.relative_to(ROOT)}" for path in PACKAGE.rglob("*.py") if len(path.read_text().splitlines()) > 600]
    assert not long
