"""``Reading``: the half of a store that answers: raw values, overrides in force, expanded values, flags.

Expanded values are kept with the facts they rest on. After a change they are checked against these facts when they are next
asked for, and only what really depends on the change is expanded again. A copy of a store inherits them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hadronbake.datastore.context import definition_changes
from hadronbake.datastore.errors import ExpansionError, UnstableOverridesError, logger
from hadronbake.datastore.expansion import Expansion, Watch, expand_into, remove_words
from hadronbake.datastore.filters import apply_filters
from hadronbake.datastore.inline import explain
from hadronbake.datastore.overrides import NO_OVERRIDES, Overrides, choose
from hadronbake.datastore.variable import MISSING, WEAK_FLAG, Variable, as_lists
from hadronbake.diagnostics import Diagnostic, Location

# The first evaluation, and five more for it to settle.
_ROUNDS = 6
_OPERATION_LISTS = {":append": "appends", ":prepend": "prepends", ":remove": "removes"}


class Reading:
    def __init__(self) -> None:
        self._variables: dict[str, Variable] = {}
        self._filters: dict[str, str] = {}
        # Valid now / valid if its facts still hold.
        self._fresh: dict[str, Expansion] = {}
        self._stale: dict[str, Expansion] = {}
        self._generation = 0
        # By variable the mapping of its variants, where it was made after the last expansion.
        self._own_variants: dict[str, dict[str, str]] = {}
        self._expanding: set[str] = set()
        # None: to be computed. ``_override_names`` are all variables that the value of OVERRIDES rests on.
        self._overrides: Overrides | None = None
        self._last_overrides: Overrides = NO_OVERRIDES
        self._override_names: set[str] = set()
        self._computing_overrides = False

    # -- variables -----------------------------------------------------------------------------------------------------

    def getVar(self, var: str, expand: Any = True, noweakdefault: Any = False, parsing: Any = False) -> Any:
        """The value of ``var``, or None. Unexpanded reads have overrides, appends and prepends applied, but not removes;
        with ``parsing`` not even these."""
        if not expand or noweakdefault or parsing:
            return self._read_otherwise(var, expand, noweakdefault, parsing)
        found = self._fresh.get(var)
        if found is None:
            found = self._expansion(var)
        watch = Watch.current
        if watch is not None:
            watch.note_used(found)
        value = found.value
        return value if type(value) is str or value is None else _own_copy(value)

    def _read_otherwise(self, var: str, expand: Any, noweakdefault: Any, parsing: Any) -> Any:
        if parsing:
            value = self._own(var, not noweakdefault)
        else:
            value = self._raw(var, not noweakdefault, None)
        if type(value) is not str:
            return _own_copy(value)
        return self.expandWithRefs(value, var).value if expand else value

    def expansion(self, var: str) -> Expansion:
        """The expanded value of ``var`` with what it refers to. Of ``V[flag]`` that of a flag."""
        found = self._fresh.get(var)
        if found is None:
            found = self._expansion(var)
        if Watch.current is not None:
            Watch.current.note_used(found)
        return found

    def expand(self, s: Any, varname: str | None = None) -> Any:
        """``s`` expanded; what is no text is given back as it is. ``varname`` is named in errors."""
        if type(s) is str and "${" not in s:
            return s
        return self.expandWithRefs(s, varname).value

    def expandWithRefs(self, s: Any, varname: str | None) -> Expansion:
        """As :meth:`expand`, with what was met. Raises ExpansionError."""
        result = Expansion(varname, s)
        if isinstance(s, str):
            expand_into(self, s, result)
        return result

    def hasOverrides(self, var: str) -> bool:
        """Whether any override variant of ``var`` is known, active or not."""
        variable = self._lookup(var)
        return variable is not None and bool(variable.variants)

    def origin(self, var: str) -> Location | None:
        """Where the value in force was last set or added to."""
        variable = self._variables.get(var)
        if variable is not None and variable.variants:
            match = choose(variable.variants, self._in_force())
            if match is not None:
                return self.origin(match)
        return variable.origin if variable is not None else None

    # -- flags ---------------------------------------------------------------------------------------------------------

    def getVarFlag(
        self,
        var: str,
        flag: str,
        expand: Any = True,
        noweakdefault: Any = False,
        parsing: Any = False,
        retparser: bool = False,
    ) -> Any:
        """The value of a flag (``_content`` is the variable's value), or None.

        With ``retparser`` a pair of the value and its :class:`Expansion`.
        """
        if not flag:
            logger.warning("Calling getVarFlag with flag unset is invalid")
            return None
        name = var if flag == "_content" else f"{var}[{flag}]"
        if retparser:
            found = self.expansion(name)
            return (found.value if expand else found.raw), found
        if flag == "_content":
            return self.getVar(var, expand, noweakdefault, parsing)
        value = self._raw_flag(var, flag, not noweakdefault)
        if expand and type(value) is str and "${" in value:
            if not noweakdefault:
                return self.expansion(name).value
            return self.expandWithRefs(value, name).value
        return value if type(value) is str else _own_copy(value)

    def getVarFlags(self, var: str, expand: Any = None, internalflags: bool = False) -> dict[str, Any] | None:
        """All flags of ``var`` raw, those named in ``expand`` expanded; None if there are none."""
        variable = self._lookup(var)
        if variable is None:
            return None
        found: dict[str, Any] = {}
        if internalflags:
            found = {name: _own_copy(value) for name, value in variable.internal_flags().items()}
        else:
            flags = variable.flags
            for name, value in flags.items():
                if name.startswith(WEAK_FLAG):
                    name = name[len(WEAK_FLAG) :]
                    if name in flags:
                        continue
                elif name.startswith(("_", ":")):
                    continue
                found[name] = value if type(value) is str else _own_copy(value)
        for name in expand or ():
            if name in found:
                found[name] = self.expand(found[name], f"{var}[{name}]")
        return found or None

    def _raw_flag(self, var: str, flag: str, weak: bool) -> Any:
        variable = self._lookup(var)
        if variable is None:
            return None
        if flag in variable.flags:
            return variable.flags[flag]
        if weak and WEAK_FLAG + flag in variable.flags:
            return variable.flags[WEAK_FLAG + flag]
        if flag == "_defaultval":
            return None if variable.default is MISSING else variable.default
        if flag in _OPERATION_LISTS:
            return as_lists(getattr(variable, _OPERATION_LISTS[flag])) or None
        return None

    # -- overrides -----------------------------------------------------------------------------------------------------

    def need_overrides(self) -> None:
        """Make sure that OVERRIDES has been evaluated."""
        self._in_force()

    @property
    def overrides(self) -> list[str]:
        return list(self._in_force().entries)

    @property
    def overridesset(self) -> set[str]:
        return set(self._in_force().active)

    def _in_force(self) -> Overrides:
        if self._overrides is None:
            self._compute_overrides()
        overrides = self._overrides
        assert overrides is not None
        if Watch.current is not None:
            Watch.current.overrides = overrides
        return overrides

    def _compute_overrides(self) -> None:
        """Evaluate OVERRIDES, which may itself depend on overridden variables, until it is stable.

        While that goes on reads see the value of the round before, and only what was found in the last one gets into the caches.
        """
        outside = (self._fresh, self._stale, self._expanding, Watch.current)
        known = {**self._stale, **self._fresh}
        self._own_variants.clear()
        self._computing_overrides = True
        current, tried = NO_OVERRIDES, []
        try:
            for _ in range(_ROUNDS):
                self._overrides = current
                self._fresh, self._stale, self._expanding, Watch.current = {}, known.copy(), set(), None
                found = self.expansion("OVERRIDES")
                new = Overrides.of(found.value or "")
                if new == current:
                    break
                # What rests on no overrides holds in the next round too.
                known.update((name, item) for name, item in self._fresh.items() if item.overrides is None)
                current = new
                tried.append(found.value)
            else:
                self._fail_unstable(tried)
            self._override_names = _names_behind(found)
            outside[1].update(self._fresh)
        except BaseException:
            self._overrides = None
            raise
        finally:
            self._fresh, self._stale, self._expanding, Watch.current = outside
            self._computing_overrides = False
        # Keep the object as long as the value is the same: what was expanded under it stays valid.
        if current != self._last_overrides:
            self._last_overrides = current
        self._overrides = self._last_overrides

    def _fail_unstable(self, tried: list[str]) -> None:
        diagnostic = Diagnostic(
            "HBD003",
            f"OVERRIDES is not stable after {_ROUNDS} evaluations",
            self._variables["OVERRIDES"].origin,
            notes=tuple((None, f"it was: {text}") for text in tried),
            hint="a variable that OVERRIDES refers to has an override that changes OVERRIDES",
        )
        logger.critical(str(diagnostic))
        raise UnstableOverridesError(diagnostic)

    # -- raw values ----------------------------------------------------------------------------------------------------

    def _lookup(self, var: str) -> Variable | None:
        variable = self._variables.get(var)
        if Watch.current is not None:
            Watch.current.note_input(var, variable)
        return variable

    def _own(self, var: str, weak: bool) -> Any:
        """The value of exactly this name: no overrides, nothing pending."""
        variable = self._lookup(var)
        if variable is None:
            return None
        if variable.value is not MISSING:
            return variable.value
        return None if variable.default is MISSING or not weak else variable.default

    def _raw(self, var: str, weak: bool, removes: set[str] | None) -> Any:
        """Variant or own value, with appends and prepends. The raw ``:remove`` entries to apply after expansion are
        added to ``removes``: all active ones of ``var``, and those of a chosen variant that matched there."""
        variable = self._variables.get(var)
        if Watch.current is not None:
            Watch.current.note_input(var, variable)
        if variable is None:
            return None
        value = None
        if variable.variants:
            match = choose(variable.variants, self._in_force())
            if match is not None:
                value = self._raw(match, True, None)
                if removes is not None and value is not None:
                    chosen = self._variables.get(match)
                    if chosen is not None and (chosen.removes or chosen.variants):
                        removes |= self.expansion(match).removes
        if value is None:
            if variable.value is not MISSING:
                value = variable.value
            elif weak and variable.default is not MISSING:
                value = variable.default
        for text, condition in variable.appends:
            if not condition or self._in_force().meets(condition):
                value = text if value is None else value + text
        for text, condition in variable.prepends:
            if not condition or self._in_force().meets(condition):
                value = text if value is None else text + value
        if removes is not None:
            for text, condition in variable.removes:
                if not condition or self._in_force().meets(condition):
                    removes.add(text)
        return value

    def sole_text(self, var: str) -> Any:
        """The raw value of ``var`` (None if it has none) where its expanded value is the expansion of that and no more; MISSING
        where something is taken out of it afterwards. Not for use within an expansion: nothing notes what was read."""
        if self._filters and var.split(":", 1)[0] in self._filters:
            return MISSING
        variable = self._variables.get(var)
        if variable is None:
            return None
        if variable.variants or variable.appends or variable.prepends or variable.removes:
            removes: set[str] = set()
            raw = self._raw(var, True, removes)
            return MISSING if removes else raw
        if variable.value is not MISSING:
            return variable.value
        return None if variable.default is MISSING else variable.default

    # -- expanded values -----------------------------------------------------------------------------------------------

    def _expansion(self, var: str) -> Expansion:
        stale = self._stale.get(var)
        if stale is not None and self._holds(stale):
            return stale
        if var in self._expanding:
            raise RecursionError(f"variable {var} references itself")
        result = Expansion(var, None)
        variable = self._variables.get(var)
        if variable is None:
            plain = var[-1:] != "]"
        else:
            plain = not (
                variable.variants or variable.appends or variable.prepends or variable.removes or self._filters
            )
        if plain:
            # Most have nothing to be worked out.
            result.inputs = {var: variable}
            if variable is not None:
                value = variable.value
                if value is MISSING:
                    value = None if variable.default is MISSING else variable.default
                result.raw = result.value = value
                plain = type(value) is not str or "${" not in value
            if plain:
                self._fresh[var] = result
                return result
        outer, generation = Watch.current, self._generation
        Watch.current = result
        self._expanding.add(var)
        try:
            if var[-1:] == "]" and "[" in var and var not in self._variables:
                name, flag = var[:-1].split("[", 1)
                value = self._raw_flag(name, flag, True)
                result.raw = result.value = value
                if type(value) is str and "${" in value:
                    expand_into(self, value, result)
            elif result.inputs is not None:
                expand_into(self, result.raw, result)
            else:
                self._expand_variable(var, result)
        except BaseException:
            if outer is not None:
                # Whoever catches this depends on what failed, of which nothing is kept.
                outer.volatile = True
            raise
        finally:
            self._expanding.discard(var)
            Watch.current = outer
        if generation == self._generation:
            self._fresh[var] = result
        else:
            result.volatile = True
        return result

    def _expand_variable(self, var: str, result: Expansion) -> None:
        removes: set[str] = set()
        raw = self._raw(var, True, removes)
        result.raw = result.value = raw
        if type(raw) is str and "${" in raw:
            expand_into(self, raw, result)
        if removes and result.value:
            words = {entry: str(self.expand(entry)).split() for entry in removes}
            result.value, result.removes = remove_words(result.value, words)
        if self._filters and result.value:
            expression = self._filters.get(var.split(":", 1)[0])
            if expression is not None:
                result.value = apply_filters(result.value, [expression])

    def _holds(self, kept: Expansion) -> bool:
        """Whether an expansion from before the last changes is still right. If so it is fresh again."""
        name = kept.varname
        assert name is not None
        if self._fresh.get(name) is kept:
            return True
        if self._stale.get(name) is not kept:
            return False
        del self._stale[name]
        if kept.volatile or (kept.changes >= 0 and kept.changes != definition_changes()):
            return False
        variables = self._variables
        for var, variable in kept.inputs.items() if kept.inputs else ():
            if variables.get(var) is not variable:
                return False
        if kept.overrides is not None:
            if self._overrides is None:
                self._compute_overrides()
            if kept.overrides != self._overrides:
                return False
        fresh = self._fresh
        for used in kept.used or ():
            if fresh.get(used.varname) is not used and not self._holds(used):  # type: ignore[arg-type]
                return False
        self._fresh[name] = kept
        return True

    def _changed(self, name: str, parents: tuple[tuple[str, str], ...]) -> None:
        """To be called after every change of ``name``, a variant of ``parents``."""
        self._generation += 1
        if self._fresh:
            self._stale.update(self._fresh)
            self._fresh = {}
            self._own_variants.clear()
        if self._overrides is not None and not self._computing_overrides:
            names = self._override_names
            if name in names:
                self._overrides = None
                return
            for parent, _ in parents:
                if parent in names:
                    self._overrides = None

    def _forget_expansions(self) -> None:
        self._generation += 1
        self._fresh, self._stale = {}, {}
        self._own_variants.clear()
        self._overrides = None

    # -- errors --------------------------------------------------------------------------------------------------------

    def expansion_error(self, varname: str | None, text: str, error: BaseException) -> ExpansionError:
        """The error for a failed expansion of ``varname``, with its place and, for an unknown name, the closest known one."""
        if isinstance(error, RecursionError) and str(error).startswith("maximum recursion depth"):
            # Python's text says where it happened to be.
            error = RecursionError("the chain of variables or calls is too long")
        read = self._variables.get("__depends")
        return explain(self._variables, varname, text, error, read.value if read is not None else ())

    # -- names ---------------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[str]:
        """Every variable with a value or a flag, and names that exist only through active variants."""
        return iter(self._there(self._variables))

    def _there(self, names: Iterable[str]) -> list[str]:
        if Watch.current is not None:
            Watch.current.volatile = True
        overrides = self._in_force()
        found = []
        for name in names:
            variable = self._variables[name]
            if (
                variable.value is not MISSING
                or variable.exists
                or (variable.variants and any(map(overrides.is_active, variable.variants.values())))
            ):
                found.append(name)
        return found

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What is stored, by name; not to be changed."""
        return self._variables


def _own_copy(value: Any) -> Any:
    """Of a container a copy, which the caller may change; anything else as it is.

    What an object with a state of its own says can change without the store noticing, so nothing that read one is kept.
    """
    kind = type(value)
    if kind in _CONTAINERS:
        return copy.copy(value)
    if kind not in _PLAIN and Watch.current is not None:
        Watch.current.volatile = True
    return value


_CONTAINERS = frozenset({list, dict, set})
_PLAIN = frozenset({str, int, float, bool, bytes, tuple, frozenset, type(None)})


def _names_behind(expansion: Expansion) -> set[str]:
    """All variables that ``expansion`` rests on."""
    names: set[str] = set()
    seen: set[int] = set()
    waiting = [expansion]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        names.update(item.inputs or ())
        waiting.extend(item.used or ())
    return names
