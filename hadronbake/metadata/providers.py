"""Which recipe provides a name: PROVIDES and run-time names, preferences, versions (language.md §18). Pure over ``Recipe``s."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import TYPE_CHECKING

from hadronbake.datastore.embedded.versions import vercmp
from hadronbake.diagnostics import Diagnostic, HadronbakeError, Severity, closest
from hadronbake.metadata.recipe import Recipe

if TYPE_CHECKING:
    from hadronbake.datastore.store import DataStore


@dataclass(frozen=True, slots=True)
class Preferences:
    """What the configuration prefers: by name PREFERRED_PROVIDER_, PREFERRED_RPROVIDER_, PREFERRED_VERSION_, REQUIRED_VERSION_.

    ``listed``: the words of PREFERRED_PROVIDERS. The versions under "" are those of recipes that have none of their own.
    """

    providers: Mapping[str, str] = field(default_factory=dict)
    rproviders: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    required: Mapping[str, str] = field(default_factory=dict)
    assumed: frozenset[str] = frozenset()
    listed: Mapping[str, str] = field(default_factory=dict)


def preferences_of(d: DataStore) -> Preferences:
    """Read them from the base configuration. PREFERRED_PROVIDERS holds further ``name:recipe`` words; PREFERRED_VERSION:pn-x goes
    before PREFERRED_VERSION_x, and this before PREFERRED_VERSION, which is for all recipes; REQUIRED_VERSION likewise."""
    found: dict[str, dict[str, str]] = {name: {} for name in _PREFIXES}
    for name in list(d):
        for prefix in _PREFIXES:
            if name.startswith(prefix) and ":" not in name and (value := d.getVar(name)):
                found[prefix].setdefault(name[len(prefix) :], str(value))
    for name in list(d):
        for prefix in _PREFIXES[2:]:
            for front, owner in ((f"{prefix[:-1]}:pn-", name.partition(":pn-")[2]), (prefix[:-1], "")):
                if name == front + owner and (value := d.getVar(name)):
                    found[prefix][owner] = str(value)
    words = (word.partition(":") for word in (d.getVar("PREFERRED_PROVIDERS") or "").split())
    listed = {name: recipe for name, colon, recipe in words if colon}
    assumed = frozenset((d.getVar("ASSUME_PROVIDED") or "").split())
    providers, rproviders, versions, required = (found[prefix] for prefix in _PREFIXES)
    return Preferences(providers, rproviders, versions, required, assumed, listed)


_PREFIXES = ("PREFERRED_PROVIDER_", "PREFERRED_RPROVIDER_", "PREFERRED_VERSION_", "REQUIRED_VERSION_")


class Providers:
    """Answers over a fixed set of recipes. ``warnings`` collects what was chosen without a preference, once a name.

    ``refused``: recipes (by id) that are there but must not be built, and why: choosing one raises that.
    """

    def __init__(
        self,
        recipes: Mapping[str, Recipe],
        preferences: Preferences,
        refused: Mapping[str, tuple[Diagnostic, ...]] | None = None,
    ) -> None:
        self.recipes = recipes
        self.preferences = preferences
        self._refused = refused or {}
        self.warnings: list[Diagnostic] = []
        self._provides: dict[str, list[str]] = {}
        self._rprovides: dict[str, list[str]] = {}
        # Compiled when a name is asked for that no package has: there are thousands.
        self._patterns: list[tuple[str, str]] = []
        self._dynamic: list[tuple[re.Pattern[str], str]] = []
        self._of_pn: dict[str, list[str]] = {}
        self._skipped: dict[str, list[Recipe]] = {}
        self._chosen: dict[str, str] = {}
        self._rchosen: dict[str, str] = {}
        for key, recipe in recipes.items():
            if recipe.skipped is not None:
                for name in {recipe.pn, *recipe.provides}:
                    self._skipped.setdefault(name, []).append(recipe)
                continue
            self._of_pn.setdefault(recipe.pn, []).append(key)
            for name in dict.fromkeys(recipe.provides):
                self._provides.setdefault(name, []).append(key)
            names = [*_packages(recipe), *(name for own in recipe.rprovides.values() for name in own)]
            for name in dict.fromkeys(names):
                self._rprovides.setdefault(name, []).append(key)
            self._patterns += [(pattern, key) for pattern in recipe.packages_dynamic]

    def resolve(self, name: str, needed_by: str | None = None) -> str:
        """The id of the recipe that provides a build-time name; ``needed_by`` is named in errors. Raises HadronbakeError."""
        known = self._chosen.get(name)
        if known is None:
            known = self._chosen[name] = self._allowed(self._resolve(name, needed_by))
        return known

    def resolve_runtime(self, name: str, needed_by: str | None = None) -> str:
        """The id of the recipe whose package has or provides a run-time name."""
        known = self._rchosen.get(name)
        if known is None:
            known = self._rchosen[name] = self._allowed(self._resolve_runtime(name, needed_by))
        return known

    def assumed(self, name: str) -> bool:
        """Whether the configuration takes the name for provided by the host (ASSUME_PROVIDED)."""
        return name in self.preferences.assumed

    def names(self) -> Iterable[str]:
        """All build-time names."""
        return self._provides.keys()

    def versions(self, pn: str) -> list[Recipe]:
        """The recipes of a name, the one that would be built first."""
        keys = self._of_pn.get(pn, [])
        best = self._best(pn, keys) if keys else None
        return sorted((self.recipes[key] for key in keys), key=lambda recipe: recipe.id != best)

    def _dynamic_names(self) -> list[tuple[re.Pattern[str], str]]:
        for pattern, key in self._patterns:
            try:
                self._dynamic.append((re.compile(pattern.replace("+", r"\+")), key))
            except re.error:
                self.warnings.append(
                    Diagnostic(
                        "HBM033",
                        f"PACKAGES_DYNAMIC of {self.recipes[key].pn} holds an invalid regular expression: {pattern}",
                        severity=Severity.WARNING,
                    )
                )
        self._patterns = []
        return self._dynamic

    def _allowed(self, key: str) -> str:
        if key in self._refused:
            raise HadronbakeError(*self._refused[key])
        return key

    def _resolve(self, name: str, needed_by: str | None) -> str:
        keys = self._provides.get(name, [])
        if not keys:
            raise HadronbakeError(self._nothing(name, needed_by, self._provides, ""))
        eligible = self._eligible(keys)
        by_pn = {self.recipes[key].pn: key for key in eligible}
        preferred = self.preferences.providers.get(name, self.preferences.listed.get(name))
        if preferred is not None and preferred in by_pn:
            return by_pn[preferred]
        if preferred is not None:
            # The preference may name a recipe by something that it provides.
            for key in eligible:
                if preferred in self.recipes[key].provides:
                    return key
            self._warn(
                "HBM032",
                f"preferred provider {preferred} of {name} is not available; there are: {', '.join(sorted(by_pn))}",
                None,
            )
        if name in by_pn:
            return by_pn[name]
        if len(eligible) > 1:
            self._warn(
                "HBM031",
                f"multiple providers are available for {name} ({', '.join(self.recipes[key].pn for key in eligible)})",
                f"consider defining a PREFERRED_PROVIDER entry to match {name}",
            )
        return eligible[0]

    def _resolve_runtime(self, name: str, needed_by: str | None) -> str:
        keys = self._rprovides.get(name) or [key for pattern, key in self._dynamic_names() if pattern.match(name)]
        if not keys:
            raise HadronbakeError(self._nothing(name, needed_by, self._rprovides, "at run time "))
        eligible = self._eligible(keys)
        preferred = self.preferences.rproviders.get(name)
        for key in eligible:
            if preferred is not None and self.recipes[key].pn == preferred:
                return key
        # A package of that very name wins over one that only provides it; then a recipe preferred for what it provides.
        named = [key for key in eligible if name in _packages(self.recipes[key])]
        if len(named) == 1:
            return named[0]
        liked = [
            key
            for key in eligible
            if any(self.preferences.providers.get(item) == self.recipes[key].pn for item in self.recipes[key].provides)
        ]
        if len(liked) == 1:
            return liked[0]
        if len(eligible) > 1:
            self._warn(
                "HBM034",
                f"multiple providers are available for runtime {name} "
                f"({', '.join(self.recipes[key].pn for key in eligible)})",
                f"consider defining a PREFERRED_RPROVIDER entry to match {name}",
            )
        return (liked or eligible)[0]

    def _eligible(self, keys: list[str]) -> list[str]:
        """The best version of each recipe name among ``keys``: by name, those of a preferred version before the others."""
        groups: dict[str, list[str]] = {}
        for key in keys:
            groups.setdefault(self.recipes[key].pn, []).append(key)
        best = {pn: self._best(pn, own) for pn, own in groups.items()}
        return [best[pn] for pn in sorted(best, key=lambda pn: (not self._is_preferred(best[pn]), pn))]

    def _is_preferred(self, key: str) -> bool:
        wanted = self._wanted(self.recipes[key].pn)[0]
        return wanted is not None and version_matches(self.recipes[key], wanted)

    def _wanted(self, pn: str) -> tuple[str | None, bool]:
        """The version that the configuration wants of a recipe, and whether no other will do."""
        versions, required = self.preferences.versions, self.preferences.required
        only = required.get(pn) or required.get("")
        return only or versions.get(pn) or versions.get("") or None, bool(only)

    def _best(self, pn: str, keys: list[str]) -> str:
        """The preferred version, else the highest of the layers with the highest priority, DEFAULT_PREFERENCE first."""
        highest = max(self.recipes[key].layer_priority for key in keys)
        wanted, required = self._wanted(pn)
        if wanted is not None:
            matching = [key for key in keys if version_matches(self.recipes[key], wanted)]
            if matching:
                # BitBake's way, where several match: not the highest of them, but the first.
                return min(matching, key=self._place)
            there = ", ".join(sorted({self.recipes[key].pv for key in self._of_pn.get(pn, keys)}))
            if required:
                raise HadronbakeError.of("HBM036", f"version {wanted} of {pn} is required, but there are only: {there}")
            self._warn(
                "HBM035",
                f"preferred version {wanted} of {pn} is not available",
                f"versions of {pn} available: {there}",
            )
        return self._latest([key for key in keys if self.recipes[key].layer_priority == highest])

    def _place(self, key: str) -> tuple[int, int, str]:
        recipe = self.recipes[key]
        return -recipe.layer_priority, recipe.default_preference, key

    def _latest(self, keys: list[str]) -> str:
        def order(first: str, second: str) -> int:
            a, b = self.recipes[first], self.recipes[second]
            if a.layer_priority != b.layer_priority:
                return -1 if a.layer_priority < b.layer_priority else 1
            if a.default_preference != b.default_preference:
                return -1 if a.default_preference < b.default_preference else 1
            # Of equal versions the first one stays, whatever the order of collection.
            return vercmp((a.pe, a.pv, a.pr), (b.pe, b.pv, b.pr)) or (1 if first < second else -1)

        return max(keys, key=cmp_to_key(order))

    def _warn(self, code: str, message: str, hint: str | None) -> None:
        item = Diagnostic(code, message, severity=Severity.WARNING, hint=hint)
        if item not in self.warnings:
            self.warnings.append(item)

    def _nothing(self, name: str, needed_by: str | None, known: Mapping[str, list[str]], when: str) -> Diagnostic:
        who = f" (needed by {needed_by})" if needed_by else ""
        skipped = self._skipped.get(name, [])
        notes = tuple((None, f"{recipe.id} was skipped: {recipe.skipped}") for recipe in skipped)
        near = closest(name, known)
        hint = (
            f"did you mean {near}?"
            if near
            else "is the layer that has it in BBLAYERS? hbake recipes lists what there is"
        )
        if skipped and not near:
            hint = "the recipe is there, but not for this configuration"
        return Diagnostic("HBM030", f"nothing provides {name} {when}".rstrip() + who, hint=hint, notes=notes)


def _packages(recipe: Recipe) -> tuple[str, ...]:
    """The packages of a recipe; one without any stands for a package of its own name."""
    return recipe.packages or (recipe.pn,)


def version_matches(recipe: Recipe, wanted: str) -> bool:
    """Whether ``[PE:]PV[_PR]`` names the recipe's version; a final ``%`` in PV matches any rest."""
    match = re.fullmatch(r"(?:(\d+):)?([^_]*)(?:_(.*))?", wanted)
    if match is None:
        return False
    epoch, version, revision = match.groups()
    if epoch is not None and epoch != (recipe.pe or "0"):
        return False
    if revision is not None and revision != recipe.pr:
        return False
    return recipe.pv.startswith(version[:-1]) if version.endswith("%") else recipe.pv == version
