"""``lint.toml`` at the top of a layer: which rules count there, and as what."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location

NAME = "lint.toml"


class LintSettings(BaseModel):
    """Codes may be cut: "HBW4" is all of HBW4xx. ``disable`` wins over ``error``, and this over ``warning``.

    ``overrides``: names that are overrides in some configuration that isn't here.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    disable: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    warning: tuple[str, ...] = ()
    line_length: int = Field(default=160, ge=40, alias="line-length")
    overrides: frozenset[str] = frozenset()

    def disabled(self, code: str) -> bool:
        return code.startswith(self.disable) if self.disable else False

    def is_error(self, code: str, usually: bool) -> bool:
        if self.error and code.startswith(self.error):
            return True
        return usually and not (self.warning and code.startswith(self.warning))


DEFAULTS = LintSettings()


def settings_for(path: Path) -> LintSettings:
    """Those of the nearest ``lint.toml`` above the file, not beyond its layer. Raises HadronbakeError (HBC140)."""
    return _in_directory(path.absolute().parent)


@lru_cache(maxsize=4096)
def _in_directory(directory: Path) -> LintSettings:
    file = directory / NAME
    if file.is_file():
        return _read(file)
    if (directory / "conf/layer.conf").is_file() or directory.parent == directory:
        return DEFAULTS
    return _in_directory(directory.parent)


def _read(file: Path) -> LintSettings:
    try:
        return LintSettings.model_validate(tomllib.loads(file.read_text()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise HadronbakeError.of("HBC140", f"{NAME} can't be read: {error}", Location(str(file))) from error
    except ValidationError as error:
        known = tuple(field.alias or name for name, field in LintSettings.model_fields.items())
        raise HadronbakeError(
            *(
                Diagnostic(
                    "HBC140",
                    f"{'.'.join(map(str, item['loc']))}: {item['msg']}",
                    Location(str(file)),
                    expected=known if item["type"] == "extra_forbidden" else (),
                )
                for item in error.errors()
            )
        ) from error
