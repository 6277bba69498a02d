"""What to say of the thing under the cursor, as Markdown."""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from urllib.parse import quote

from hadronbake.datastore.names import classify
from hadronbake.language.known import documented, variable_meaning
from hadronbake.language.statements import Assignment, Function, PythonDefinition
from hadronbake.lsp.context import Known
from hadronbake.lsp.cursor import Target
from hadronbake.lsp.files import expand, locate_file, locate_source
from hadronbake.lsp.model import Event, RecipeView, Value

_LONGEST = 1500
_MOST_EVENTS = 12


def hover(known: Known, target: Target) -> str | None:
    """The text for a target, or None if nothing is known of it."""
    name = target.name
    if target.kind == "variable":
        return _function(known, name) if _is_function(known, name) else _variable(known, name)
    if target.kind == "flag":
        return _flag(known, target)
    if target.kind == "override":
        return _override(known, name)
    if target.kind == "operator":
        return _titled(f"`{name}`", documented("operators").get(name))
    if target.kind == "directive":
        return _titled(f"`{name}`", documented("directives").get(name))
    if target.kind == "class":
        return _class(known, name)
    if target.kind == "recipe":
        return _recipe(known, name)
    if target.kind in ("file", "source"):
        path = locate_source(known, name) if target.kind == "source" else locate_file(known, name)
        return f"[`{path}`]({_link(str(path))})" if path else f"`{name}` was not found"
    return _function(known, name)


def _titled(title: str, text: str | None) -> str | None:
    return f"{title} — {text}" if text else None


def _block(text: str) -> str:
    shown = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    fence = "`" * max(3, max((len(run) + 1 for run in re.findall("`+", shown)), default=0))
    return f"{fence}bitbake\n{shown.rstrip()}\n{fence}"


def _link(path: str, line: int = 0) -> str:
    return f"file://{quote(path)}" + (f"#L{line}" if line else "")


def _place(file: str, line: int) -> str:
    if not file.startswith("/"):
        return file
    return f"[{PurePath(file).name}:{line}]({_link(file, line)})"


def _variable(known: Known, name: str) -> str | None:
    base = name.split(":", 1)[0]
    meaning = variable_meaning(base)
    value = known.value(name) or known.value(base)
    written = [
        item
        for item in known.document.parsed.statements
        if isinstance(item, Assignment) and item.flag is None and classify(item.name).short == base
    ]
    if meaning is None and value is None and not written:
        return None
    parts = [f"**{name}**" + (f" — {meaning}" if meaning else "")]
    if value is not None:
        parts.append(_shown(value))
        parts.extend(_history(value))
        if value.flags:
            parts.append("\n".join(f"- `[{flag}]` = `{_line(text)}`" for flag, text in sorted(value.flags.items())))
        if known.view is not None and known.view.recipe and known.view.recipe != known.document.path:
            parts.append(f"*as in {PurePath(known.view.recipe).name}*")
    elif written:
        lines = [
            f"- `{item.name} {item.operator} {_line(item.value)}` — " + _place(known.document.path, item.location.line)
            for item in written[-_MOST_EVENTS:]
        ]
        parts.append("Set here:\n" + "\n".join(lines))
    elif known.view is not None:
        parts.append("*not set*")
    return "\n\n".join(parts)


def _shown(value: Value) -> str:
    if value.error is not None:
        return f"*can't be expanded here: {value.error}*\n\n" + _block(f'{value.name} = "{value.raw}"')
    text = _block(f'{value.name} = "{value.value}"') if value.value is not None else "*no value*"
    if value.raw != value.value and value.raw is not None:
        text += f"\n\nunexpanded: `{_line(value.raw)}`"
    return text


def _history(value: Value) -> list[str]:
    events = [event for event in value.events if not event.flag or event.flag == "_defaultval"]
    lines = [f"- {_operation(event)} — {_place(event.file, event.line)}" for event in events[-_MOST_EVENTS:]]
    if len(events) > len(lines):
        lines.insert(0, f"- … {len(events) - len(lines)} more before")
    return ["\n".join(lines)] if lines else []


def _operation(event: Event) -> str:
    operation = "??=" if event.flag == "_defaultval" else _SIGNS.get(event.operation, event.operation)
    return f"`{operation}` `{_line(event.detail)}`"


_SIGNS = {
    "set": "=",
    "set?": "?=",
    "immediate": ":=",
    "append": "+=",
    "prepend": "=+",
    "postdot": ".=",
    "predot": "=.",
}


def _line(text: str) -> str:
    """A text on one line, short, that doesn't end the backquotes it is put in."""
    flat = " ".join(text.split()).replace("`", "'")
    return (flat if len(flat) <= 120 else flat[:120] + "…") or " "


def _flag(known: Known, target: Target) -> str | None:
    meaning = documented("flags").get(target.name)
    value = known.value(target.of) or known.value(target.of.split(":")[0])
    parts = [f"**[{target.name}]**" + (f" — {meaning}" if meaning else "")]
    if value is not None and target.name in value.flags:
        parts.append(_block(f'{value.name}[{target.name}] = "{value.flags[target.name]}"'))
        events = [event for event in value.events if event.flag == target.name]
        parts.extend(f"- {_operation(event)} — {_place(event.file, event.line)}" for event in events[-_MOST_EVENTS:])
    return "\n\n".join(parts) if len(parts) > 1 or meaning else None


def _override(known: Known, name: str) -> str:
    meaning = documented("overrides").get(name)
    parts = [f"**:{name}**" + (f" — {meaning}" if meaning else "")]
    if known.view is not None and name not in ("append", "prepend", "remove"):
        overrides = known.view.overrides
        expanded = name
        for variable in ("PN", "MACHINE", "DISTRO"):
            found = known.value(variable)
            expanded = expanded.replace("${" + variable + "}", (found.value if found else None) or "")
        if expanded in overrides:
            parts.append(
                f"In force: number {overrides.index(expanded) + 1} of {len(overrides)}, the last is the strongest."
            )
        else:
            parts.append("Not in force here." if "$" not in expanded else "")
        parts.append(f"OVERRIDES: `{':'.join(overrides)}`")
    return "\n\n".join(part for part in parts if part)


def leading_comment(path: str) -> str:
    """The comment that a file begins with."""
    lines = []
    try:
        with Path(path).open(encoding="utf-8", errors="replace") as text:
            for line in text:
                if line.startswith("#"):
                    lines.append(line.lstrip("#").strip())
                elif line.strip() or lines:
                    break
    except OSError:
        return ""
    return "\n".join(
        line for line in lines if not line.startswith("SPDX-") and not line.lower().startswith("copyright")
    )


def _class(known: Known, name: str) -> str | None:
    path = known.snapshot.classes.get(name)
    if path is None:
        return None
    comment = leading_comment(path).strip()
    return f"**class {name}** — [{path}]({_link(path)})" + (f"\n\n{comment}" if comment else "")


def _recipe(known: Known, name: str) -> str | None:
    found = known.snapshot.chosen.get(expand(known, name))
    return recipe_text(found, name) if found is not None else None


def recipe_text(recipe: RecipeView, name: str) -> str:
    """A recipe in a few lines; ``name`` is what it was asked for by."""
    parts = [f"**{recipe.name}** {recipe.version}" + (f" — {recipe.summary}" if recipe.summary else "")]
    if name != recipe.name:
        parts.append(f"provides `{name}`")
    parts.append(f"layer {recipe.layer}: [{PurePath(recipe.file).name}]({_link(recipe.file)})")
    if recipe.appends:
        parts.append("appended by " + ", ".join(f"[{PurePath(item).name}]({_link(item)})" for item in recipe.appends))
    if recipe.skipped:
        parts.append(f"skipped: {recipe.skipped}")
    return "\n\n".join(parts)


def _is_function(known: Known, name: str) -> bool:
    value = known.value(name)
    return bool(value is not None and value.function)


def _function(known: Known, name: str) -> str | None:
    call = next((text for key, text in documented("calls").items() if key == name), None)
    if call:
        return call
    value = known.value(name)
    meaning = documented("tasks").get(name)
    here = [
        item
        for item in known.document.parsed.statements
        if isinstance(item, Function | PythonDefinition) and item.name and item.name.split(":")[0] == name
    ]
    if value is not None and not value.function:
        return _variable(known, name)
    if value is None and meaning is None and not here:
        return None
    parts = [f"**{name}**" + (f" — {meaning}" if meaning else "")]
    if value is not None:
        where = _place(value.place.file, value.place.line) if value.place else "made by EXPORT_FUNCTIONS"
        parts.append(f"{value.function} function, {where}")
        parts.append(_block(value.raw or ""))
        changes = [event for event in value.events if event.operation.startswith((":", "override"))]
        if changes:
            parts.append("\n".join(f"- `{event.operation}` — {_place(event.file, event.line)}" for event in changes))
        flags = {flag: text for flag, text in value.flags.items() if flag not in ("task",)}
        if flags:
            parts.append("\n".join(f"- `[{flag}]` = `{_line(text)}`" for flag, text in sorted(flags.items())))
    elif here:
        parts.append("Defined here: " + ", ".join(_place(known.document.path, item.location.line) for item in here))
    return "\n\n".join(parts)
