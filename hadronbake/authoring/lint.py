"""All rules of lint over files and recipes: what they find, without what is silenced or disabled.

A comment ``# hbake: disable=CODE  reason`` right above a statement silences rules for the statement; standing alone, for the file;
inside of a function, for its own line and the next. Such comments are checked too: HBW001 to HBW003.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from hadronbake.authoring import rules_assignment, rules_layer, rules_python, rules_recipe, rules_shell, rules_text
from hadronbake.authoring.findings import Finding, finding
from hadronbake.authoring.lintsettings import DEFAULTS, LintSettings, settings_for
from hadronbake.authoring.rule import FileRule, LayerRule, Problem, RecipeRule, Rule
from hadronbake.authoring.source import Silence, Source
from hadronbake.authoring.surveyed import SurveyedLayers
from hadronbake.diagnostics import Diagnostic, HadronbakeError, Location, Severity, closest
from hadronbake.metadata.workspace import Workspace

RULES: tuple[Rule, ...] = (
    *rules_text.RULES,
    *rules_assignment.RULES,
    *rules_recipe.RULES,
    *rules_shell.RULES,
    *rules_python.RULES,
    *rules_layer.RULES,
)
CODES = frozenset(rule.code for rule in RULES)
SILENCE_CODES = ("HBW001", "HBW002", "HBW003")
# Warnings of the language itself can be silenced as well.
_LANGUAGE = re.compile(r"HBL2\d\d")


class RuleText(BaseModel):
    """``scope``: "file", "recipe" or "layer"."""

    model_config = ConfigDict(frozen=True)

    code: str
    title: str
    reason: str
    scope: str
    error: bool


class LintReport(BaseModel):
    """``recipes``: how many were looked at beside files (none without a build directory)."""

    model_config = ConfigDict(frozen=True)

    files: int
    recipes: int
    silenced: int
    findings: tuple[Finding, ...]


def rule_texts() -> tuple[RuleText, ...]:
    """All rules, for showing."""
    scopes = {FileRule: "file", RecipeRule: "recipe", LayerRule: "layer"}
    return tuple(
        RuleText(code=rule.code, title=rule.title, reason=rule.reason, scope=scopes[type(rule)], error=rule.error)
        for rule in RULES
    )


def lint_source(source: Source) -> tuple[Diagnostic, ...]:
    """What the rules about single files find in one, silenced ones left out: for editors, which have no file yet."""
    run = _Run([source.path], None)
    run.sources[source.path] = source
    run.file(source)
    return tuple(run.result({rule.code for rule in RULES if isinstance(rule, FileRule)}))


def lint(files: Sequence[Path], workspace: Workspace | None) -> tuple[LintReport, tuple[Diagnostic, ...]]:
    """The files by the rules about files; with a workspace also the recipes that are among them, and their layers.

    A finding in a file that isn't asked for is left out.
    """
    paths = [os.path.abspath(path) for path in files]  # noqa: PTH100
    run = _Run(paths, workspace)
    ran = {rule.code for rule in RULES if isinstance(rule, FileRule)}
    for path in paths:
        source = run.read(path)
        if source is not None:
            run.file(source)
    recipes = 0
    if workspace is not None:
        ran = set(CODES)
        recipes = run.recipes(workspace)
        run.layers()
    found = run.result(ran)
    report = LintReport(
        files=len(paths), recipes=recipes, silenced=run.silenced, findings=tuple(finding(item) for item in found)
    )
    return report, tuple(found)


class _Run:
    def __init__(self, paths: Iterable[str], workspace: Workspace | None) -> None:
        self.wanted = set(paths)
        self.sources: dict[str, Source | None] = {}
        self.survey = SurveyedLayers(workspace, self.read) if workspace is not None else None
        self.found: dict[Diagnostic, None] = {}
        self.silenced = 0
        self.used: set[tuple[str, int, str]] = set()

    def read(self, path: str) -> Source | None:
        """The file, None (and a finding) if it can't be read."""
        if path not in self.sources:
            try:
                self.sources[path] = Source.read(Path(path))
            except HadronbakeError as error:
                self.sources[path] = None
                self.found.update(dict.fromkeys(error.diagnostics))
        return self.sources[path]

    # -- rules ---------------------------------------------------------------------------------------------------------

    def file(self, source: Source) -> None:
        for item in source.layout.parsed.diagnostics:
            self.add(item, source)
        if source.readable:
            for rule in RULES:
                if isinstance(rule, FileRule):
                    self.apply(rule, rule.check(source))

    def recipes(self, workspace: Workspace) -> int:
        """Apply the rules about recipes; gives to how many. What is said of an include file must be so for all recipes that take it:
        one of them alone may well not need all that is in it."""
        assert self.survey is not None
        count = 0
        takers: Counter[str] = Counter()
        found: dict[tuple[Rule, Location], list[Problem]] = {}
        for recipe_id, recipe in workspace.recipes.items():
            if recipe.variant or recipe.skipped is not None:
                continue
            if not self.wanted.isdisjoint((recipe.file, *workspace.file(recipe_id).appends)):
                surveyed = self.survey.recipe(recipe_id)
                if surveyed is None:
                    continue
                count += 1
                takers.update(surveyed.files)
                for rule in RULES:
                    if isinstance(rule, RecipeRule):
                        for problem in rule.check(surveyed):
                            found.setdefault((rule, problem.location), []).append(problem)
        for (rule, place), problems in found.items():
            if not place.file.endswith(".inc") or len(problems) >= takers[place.file]:
                self.apply(rule, iter(problems[:1] if place.file.endswith(".inc") else problems))
        return count

    def layers(self) -> None:
        assert self.survey is not None
        for rule in RULES:
            if isinstance(rule, LayerRule):
                self.apply(rule, rule.check(self.survey))

    def apply(self, rule: Rule, problems: Iterator[Problem]) -> None:
        for problem in problems:
            place = problem.location
            if not self.covers(place.file):
                continue
            source = self.sources.get(place.file)
            severity = Severity.ERROR if rule.error else Severity.WARNING
            excerpt = source.excerpt(place.line) if source is not None else None
            self.add(
                Diagnostic(
                    rule.code, problem.message, place, severity, excerpt, max(1, problem.length), (), problem.hint
                ),
                source,
            )

    def covers(self, path: str) -> bool:
        """Whether the file was asked for, or lies beside or below the directory of a recipe that was."""
        if path in self.wanted:
            return True
        if path.endswith((".bb", ".bbappend", ".inc", ".conf", ".bbclass")):
            return False
        return not self.directories.isdisjoint(map(str, Path(path).parents))

    @property
    def directories(self) -> frozenset[str]:
        if not hasattr(self, "_directories"):
            found = {str(Path(path).parent) for path in self.wanted if path.endswith((".bb", ".bbappend"))}
            self._directories = frozenset(found)
        return self._directories

    # -- what is left --------------------------------------------------------------------------------------------------

    def add(self, item: Diagnostic, source: Source | None) -> None:
        place = item.location
        path = place.file if place is not None else ""
        settings = source.settings if source is not None else _settings(path)
        if settings.disabled(item.code):
            return
        for silence in source.silences if source is not None and place is not None else ():
            if item.code in silence.codes and silence.first <= (place.line if place else 0) <= silence.last:
                self.silenced += 1
                self.used.add((path, silence.line, item.code))
                return
        if item.code.startswith("HBW"):
            error = settings.is_error(item.code, item.severity is Severity.ERROR)
            item = _with_severity(item, Severity.ERROR if error else Severity.WARNING)
        self.found.setdefault(item)

    def result(self, ran: set[str]) -> list[Diagnostic]:
        for path, source in list(self.sources.items()):
            if source is not None and path in self.wanted:
                for silence in source.silences:
                    for item in self.of_silence(source, silence, ran):
                        self.add(item, source)
        return sorted(self.found, key=lambda item: (item.location or Location(""), item.code))

    def of_silence(self, source: Source, silence: Silence, ran: set[str]) -> Iterator[Diagnostic]:
        line = source.excerpt(silence.line) or ""

        def said(code: str, message: str, text: str, hint: str | None) -> Diagnostic:
            column = line.find(text) + 1
            return Diagnostic(
                code, message, source.at(silence.line, column), Severity.WARNING, line, len(text), (), hint
            )

        if not silence.reason:
            yield said("HBW001", "silenced without a reason", "hbake:", "say why, after the codes")
        for code in silence.codes:
            if code not in CODES and not _LANGUAGE.fullmatch(code):
                near = closest(code, CODES)
                yield said("HBW002", f"there is no rule {code}", code, f"did you mean {near}?" if near else None)
            elif (source.path, silence.line, code) not in self.used and (code in ran or code not in CODES):
                yield said("HBW003", f"{code} finds nothing here any more", code, "take it out of the comment")


def _with_severity(item: Diagnostic, severity: Severity) -> Diagnostic:
    return Diagnostic(
        item.code,
        item.message,
        item.location,
        severity,
        item.excerpt,
        item.length,
        item.expected,
        item.hint,
        item.notes,
    )


def _settings(path: str) -> LintSettings:
    return settings_for(Path(path)) if path else DEFAULTS
