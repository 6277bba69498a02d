"""``DataStore``: the variables of a configuration or a recipe. Methods are named, and behave, as those of BitBake's ``d``.

Copies are cheap: :class:`Variable` objects are never changed, so a copy is a copy of one dictionary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from hadronbake.datastore.errors import fatal, logger
from hadronbake.datastore.history import Event, IncludeHistory, VariableHistory
from hadronbake.datastore.names import Name, classify
from hadronbake.datastore.reading import Reading
from hadronbake.datastore.variable import (
    MISSING,
    NO_FLAGS,
    WEAK_FLAG,
    Operations,
    Variable,
    as_lists,
    from_lists,
)
from hadronbake.diagnostics import Diagnostic, Location

RENAMED_VARIABLES: Mapping[str, str] = {
    "BB_ENV_WHITELIST": "BB_ENV_PASSTHROUGH",
    "BB_ENV_EXTRAWHITE": "BB_ENV_PASSTHROUGH_ADDITIONS",
    "BB_HASHBASE_WHITELIST": "BB_BASEHASH_IGNORE_VARS",
    "BB_HASHCONFIG_WHITELIST": "BB_HASHCONFIG_IGNORE_VARS",
    "BB_HASHTASK_WHITELIST": "BB_TASKHASH_IGNORE_TASKS",
    "BB_SETSCENE_ENFORCE_WHITELIST": "BB_SETSCENE_ENFORCE_IGNORE_TASKS",
    "MULTI_PROVIDER_WHITELIST": "BB_MULTI_PROVIDER_ALLOWED",
    "BB_STAMP_WHITELIST": "is no longer supported",
    "BB_STAMP_POLICY": "is no longer supported",
}
"""Old name → new name, or (with a blank in it) what to say."""


class DataStore(Reading, MutableMapping[str, Any]):
    """Names are as in the recipe files, ``V:o`` and ``V:append`` included. All stores of a process belong to one thread at a time.

    ``**loginfo`` of the changing methods says for the history where the change comes from: ``file`` and ``line``, or ``location``
    (a Location); ``op`` and ``detail``; ``ignore`` keeps it out of the history; ``parsing`` gives :meth:`setVar` the meaning of
    ``=`` in a file.
    """

    def __init__(self) -> None:
        super().__init__()
        self._tracking = False
        self._renames: Mapping[str, str] = RENAMED_VARIABLES
        # Names that ever had the flag "export" or "unexport".
        self._export_flagged: frozenset[str] = frozenset()
        # Names that hold "${"; those of what was deleted since, too.
        self._unexpanded: dict[str, None] = {}
        self._events: dict[str, tuple[Event, ...]] = {}
        self.inchistory = IncludeHistory()

    @property
    def varhistory(self) -> VariableHistory:
        """What was done to the variables, while the store was tracking."""
        return VariableHistory(self, self._events)

    # -- setting -------------------------------------------------------------------------------------------------------

    def setVar(self, var: str, value: Any, **loginfo: Any) -> None:
        """Set ``var``; with an operation in its name (``V:append``) add to that operation's list.

        Without ``parsing`` the variable then reads as ``value``: what was pending goes, active variants are deleted, others disconnected.
        """
        info = classify(var)
        if info.old_style:
            self._refuse_old_style(var, loginfo)
        if info.short in self._renames:
            self._report_renamed(info.short, var, loginfo)
        location = _location(loginfo) if loginfo else None
        if info.operation:
            self._add_operation(info, value, location)
            if self._tracking:
                condition = ":".join(info.condition)
                op = f":{info.operation}[{condition}]" if condition else f":{info.operation}"
                self.varhistory.record(**{**loginfo, "variable": info.base, "op": op, "detail": value})
            return
        if self._tracking:
            self.varhistory.record(**{"variable": var, "detail": value, **loginfo})
        if not loginfo.get("parsing"):
            self._drop_pending(var)
        self.assign(info, var, value, location)

    def assign(self, info: Name, var: str, value: Any, location: Location | None) -> None:
        """The fast path of ``=`` in a file: no operation in the name, no checks, no history."""
        old = self._variables.get(var)
        new = self._first(var) if old is None else old.copy()
        new.value = value
        new.origin = location
        self._variables[var] = new
        if info.parents:
            self._connect(var, info.parents)
        self._changed(var, info.parents)

    def _add_operation(self, info: Name, value: Any, location: Location | None) -> None:
        variable = self._changeable(info.base)
        field = _LISTS[info.operation]
        setattr(variable, field, (*getattr(variable, field), (value, info.condition)))
        if variable.origin is None or location is not None:
            variable.origin = location
        if info.parents:
            self._connect(info.base, info.parents)
        self._changed(info.base, info.parents)

    def appendVar(self, var: str, value: Any, **loginfo: Any) -> None:
        """The same as setting ``var:append``."""
        self._append_operation(var, value, "append", loginfo)

    def prependVar(self, var: str, value: Any, **loginfo: Any) -> None:
        """The same as setting ``var:prepend``."""
        self._append_operation(var, value, "prepend", loginfo)

    def _append_operation(self, var: str, value: Any, operation: str, loginfo: dict[str, Any]) -> None:
        if self._tracking:
            self.varhistory.record(**{**loginfo, "variable": var, "op": operation, "detail": value})
        self.setVar(f"{var}:{operation}", value, **{**loginfo, "ignore": True, "parsing": True})

    def delVar(self, var: str, **loginfo: Any) -> None:
        """Everything of ``var`` goes; its variants are disconnected, and it from what it is a variant of."""
        if self._tracking:
            self.varhistory.record(**{**loginfo, "variable": var, "op": "del", "detail": ""})
        self._variables.pop(var, None)
        info = classify(var)
        above = info.parents if not info.operation else ()
        for parent, _ in above:
            self._disconnect(parent, var)
        self._changed(var, above)

    def renameVar(self, key: str, newkey: str, **loginfo: Any) -> None:
        """Move value, operations and variants of ``key`` to ``newkey``, then delete ``key``. Other flags are not moved.

        A variable that has nothing but flags stays.
        """
        if key == newkey:
            logger.warning("Calling renameVar with equivalent keys (%s) is invalid", key)
            return
        old = self._variables.get(key)
        if old is None:
            return
        variants = list(old.variants)
        more = old.appends or old.prepends or old.removes or old.variants
        if not more and newkey not in self._variables and not self._tracking and self._move(key, newkey, old):
            return
        value = self.getVar(key, False, parsing=True)
        if value is None and not more:
            return
        if value is not None:
            if self._tracking:
                self.varhistory.rename_variable_hist(key, newkey)
                self.varhistory.record(**{**loginfo, "variable": newkey, "op": f"rename from {key}", "detail": value})
            self.setVar(newkey, value, **{**loginfo, "ignore": True, "parsing": True, "location": old.origin})
        if old.appends or old.prepends or old.removes:
            self._take_operations(newkey, old)
        for variant in variants:
            self.renameVar(variant, newkey + variant[len(key) :])
        if ":" in newkey and value is None:
            above = classify(newkey).parents
            self._connect(newkey, above)
            self._changed(newkey, above)
        self.delVar(key, ignore=True)

    def _move(self, key: str, newkey: str, old: Variable) -> bool:
        """:meth:`renameVar` of what has nothing but a text, to a name that isn't there; False where that name is a special one."""
        value = old.default if old.value is MISSING else old.value
        info = classify(newkey)
        if type(value) is not str or info.operation or info.old_style or info.short in self._renames:
            return False
        self.assign(info, newkey, value, old.origin)
        del self._variables[key]
        above = classify(key)
        if not above.operation:
            for parent, _ in above.parents:
                self._disconnect(parent, key)
        self._changed(key, above.parents)
        return True

    def _take_operations(self, name: str, source: Variable) -> None:
        variable = self._changeable(name)
        variable.appends += source.appends
        variable.prepends += source.prepends
        variable.removes += source.removes
        if variable.origin is None:
            variable.origin = source.origin
        self._changed(name, classify(name).parents)

    # -- flags ---------------------------------------------------------------------------------------------------------

    def setVarFlag(self, var: str, flag: str, value: Any, **loginfo: Any) -> None:
        """Set a flag. ``_content`` is the value, ``_defaultval`` the weak default, ``_defaultval_flag_<f>`` that of a flag."""
        if var == "BB_RENAMED_VARIABLES":
            self._renames = {**self._renames, flag: value}
        if var in self._renames:
            self._report_renamed(var, var, loginfo)
        if self._tracking:
            self.varhistory.record(**{"variable": var, "flag": flag, "detail": value, **loginfo})
        variable = self._changeable(var)
        above: tuple[tuple[str, str], ...] = ()
        if flag == "_defaultval":
            variable.default = value
            location = _location(loginfo)
            if variable.value is MISSING and location is not None:
                variable.origin = location
            above = classify(var).parents
            self._connect(var, above)
        elif flag == "_content":
            variable.value = value
        elif flag in _FLAG_LISTS:
            setattr(variable, _FLAG_LISTS[flag], from_lists(value))
        else:
            variable.flags = {**variable.flags, flag: value}
            if flag in ("export", "unexport"):
                self._export_flagged |= {var}
        self._changed(var, above)

    def delVarFlag(self, var: str, flag: str, **loginfo: Any) -> None:
        """Remove value and weak default of a flag."""
        old = self._variables.get(var)
        if old is None or (flag not in old.internal_flags() and WEAK_FLAG + flag not in old.flags):
            return
        if self._tracking:
            self.varhistory.record(**{**loginfo, "variable": var, "flag": flag, "op": "delFlag", "detail": ""})
        variable = self._changeable(var)
        if flag == "_content":
            variable.value = MISSING
        elif flag == "_defaultval":
            variable.default = MISSING
        elif flag in _FLAG_LISTS:
            setattr(variable, _FLAG_LISTS[flag], ())
        else:
            variable.flags = {k: v for k, v in variable.flags.items() if k not in (flag, WEAK_FLAG + flag)}
        self._changed(var, ())

    def appendVarFlag(self, var: str, flag: str, value: Any, **loginfo: Any) -> None:
        """Add to the raw value of a flag, at once."""
        if self._tracking:
            self.varhistory.record(**{**loginfo, "variable": var, "flag": flag, "op": "append", "detail": value})
        self.setVarFlag(var, flag, (self.getVarFlag(var, flag, False) or "") + value, ignore=True)

    def prependVarFlag(self, var: str, flag: str, value: Any, **loginfo: Any) -> None:
        if self._tracking:
            self.varhistory.record(**{**loginfo, "variable": var, "flag": flag, "op": "prepend", "detail": value})
        self.setVarFlag(var, flag, value + (self.getVarFlag(var, flag, False) or ""), ignore=True)

    def put_flags(self, var: str, flags: Mapping[str, Any]) -> None:
        """Set ordinary flags that have no meaning to the store, all in one change."""
        if self._tracking or var in self._renames:
            self.setVarFlags(var, flags)
        elif flags:
            variable = self._changeable(var)
            variable.flags = {**variable.flags, **flags}
            self._changed(var, ())

    def setVarFlags(self, var: str, flags: Mapping[str, Any], **loginfo: Any) -> None:
        """Add the given flags to those there are."""
        for flag, value in flags.items():
            if flag != "_content":
                self.setVarFlag(var, flag, value, **loginfo)

    def delVarFlags(self, var: str, **loginfo: Any) -> None:
        """Keep nothing but the value."""
        old = self._variables.get(var)
        if old is None:
            return
        if self._tracking:
            self.varhistory.record(**{**loginfo, "variable": var, "op": "delete flags", "detail": ""})
        new = Variable()
        new.value, new.variants, new.origin = old.value, old.variants, old.origin
        self._variables[var] = new
        self._changed(var, ())

    # -- the whole store -----------------------------------------------------------------------------------------------

    def createCopy(self) -> DataStore:
        """A store of the same content. What is written to one is never seen in the other."""
        self._own_variants.clear()
        new = DataStore.__new__(type(self))
        Reading.__init__(new)
        new._variables = self._variables.copy()
        new._filters = self._filters.copy()
        new._stale = {**self._stale, **self._fresh}
        new._overrides = None if self._computing_overrides else self._overrides
        new._last_overrides = self._last_overrides
        new._override_names = self._override_names
        new._tracking = self._tracking
        new._renames = self._renames
        new._export_flagged = self._export_flagged
        new._unexpanded = self._unexpanded.copy()
        new._events = self._events.copy()
        new.inchistory = self.inchistory.copy()
        return new

    def expandVarref(self, variable: str, parents: bool = False) -> None:
        """Put the raw value of ``variable`` in the place of ``${variable}`` in every raw value, now."""
        reference, value = "${" + variable + "}", self.getVar(variable, False)
        for name in list(self):
            raw = self.getVar(name, False)
            if isinstance(raw, str) and reference in raw:
                origin = self.origin(name)
                self.setVar(name, raw.replace(reference, value))
                self._changeable(name).origin = origin

    def setVarFilter(self, var: str, filter: str | None) -> None:
        """Let expanded reads of ``var`` and its variants pass through an expression over ``val``; None or "" takes it off."""
        if filter:
            self._filters[var] = filter
        else:
            self._filters.pop(var, None)
        self._forget_expansions()

    def exported_names(self) -> list[str]:
        """The variables with flag ``export`` true and ``unexport`` not, sorted."""
        return sorted(
            name
            for name in self._export_flagged
            if not name.startswith("__")
            and flag_is_true(self.getVarFlag(name, "export"))
            and not flag_is_true(self.getVarFlag(name, "unexport"))
        )

    @property
    def export_flagged(self) -> frozenset[str]:
        """Variables that ever had the flag ``export`` or ``unexport``."""
        return self._export_flagged

    def reconnect(self, var: str) -> None:
        """Let ``var`` be a variant again of what its name says."""
        above = classify(var).parents
        if above:
            self._connect(var, above)
            self._changed(var, above)

    @property
    def renames(self) -> Mapping[str, str]:
        """Variables that must not be set any more → what to say."""
        return self._renames

    @property
    def tracking(self) -> bool:
        return self._tracking

    def enableTracking(self) -> None:
        self._tracking = True

    def disableTracking(self) -> None:
        self._tracking = False

    def initVar(self, var: str) -> None:
        """Make ``var`` known, without a value."""
        if var not in self._variables:
            self._changeable(var)
            self._changed(var, ())

    def unexpanded_names(self) -> list[str]:
        """Those of all names that hold ``${``."""
        return self._there([name for name in self._unexpanded if name in self._variables])

    def localkeys(self) -> Iterator[str]:
        return iter(self)

    def __getitem__(self, item: str) -> Any:
        value = self.getVar(item, False)
        if value is None:
            raise KeyError(item)
        return value

    def __setitem__(self, var: str, value: Any) -> None:
        self.setVar(var, value)

    def __delitem__(self, var: str) -> None:
        self.delVar(var)

    def __iter__(self) -> Iterator[str]:
        return Reading.__iter__(self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state.update(_fresh={}, _stale={}, _expanding=set(), _overrides=None, _override_names=set())
        return state

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _changeable(self, name: str) -> Variable:
        """A new Variable under this name, that the caller may still change."""
        old = self._variables.get(name)
        new = self._first(name) if old is None else old.copy()
        self._variables[name] = new
        return new

    def _first(self, name: str) -> Variable:
        """The Variable of a name that isn't there yet."""
        if "${" in name:
            self._unexpanded[name] = None
        return Variable()

    def _drop_pending(self, var: str) -> None:
        old = self._variables.get(var)
        if old is None:
            return
        if old.variants:
            overrides = self._in_force()
            for variant, suffix in list(old.variants.items()):
                if overrides.is_active(suffix):
                    self.delVar(variant, ignore=True)
            self._changeable(var).variants = NO_FLAGS
        if old.appends or old.prepends or old.removes:
            variable = self._changeable(var)
            variable.appends = variable.prepends = variable.removes = ()

    def _connect(self, var: str, parents: tuple[tuple[str, str], ...]) -> None:
        for parent, suffix in parents:
            known = self._variables.get(parent)
            if known is None or var not in known.variants:
                self._own_variants_of(parent)[var] = suffix

    def _disconnect(self, parent: str, var: str) -> None:
        known = self._variables.get(parent)
        if known is not None and var in known.variants:
            del self._own_variants_of(parent)[var]

    def _own_variants_of(self, name: str) -> dict[str, str]:
        """The variants of a variable, to be changed in place: nobody has seen this mapping since it was made."""
        known, own = self._variables.get(name), self._own_variants.get(name)
        if own is None or known is None or own is not known.variants or self._fresh:
            variable = self._changeable(name)
            variable.variants = self._own_variants[name] = own = dict(variable.variants)
        return own

    def _refuse_old_style(self, var: str, loginfo: dict[str, Any]) -> None:
        for word in ("_append", "_prepend", "_remove"):
            if word in var:
                base, _, rest = var.partition(word)
                new = f"{base}:{word[1:]}" + (f":{rest[1:]}" if rest.startswith("_") else rest)
                fatal(
                    "HBD004",
                    f"Variable {var} contains an operation using the old override syntax",
                    _location(loginfo),
                    hint=f"overrides and operations are written with a colon: {new}",
                )

    def _report_renamed(self, old: str, full: str, loginfo: dict[str, Any]) -> None:
        new = self._renames[old]
        what = new if " " in new else f"has been renamed to {new}"
        location = _location(loginfo)
        where = "" if location is None else f" (file: {location.file} line: {location.line})"
        written = "" if full == old else f" (written as {full})"
        logger.error(
            "Variable %s %s%s%s",
            old,
            what,
            where,
            written,
            extra={"place": Diagnostic("", "", location, length=len(old))},
        )
        # Finalisation looks at it: the recipe fails, after all of its errors were reported.
        self.assign(classify(RENAME_SEEN), RENAME_SEEN, True, location)


RENAME_SEEN = "_FAILPARSINGERRORHANDLED"
_LISTS = {"append": "appends", "prepend": "prepends", "remove": "removes"}
_FLAG_LISTS = {":append": "appends", ":prepend": "prepends", ":remove": "removes"}
__all__ = ["RENAMED_VARIABLES", "RENAME_SEEN", "DataStore", "Operations", "as_lists", "flag_is_true"]


def flag_is_true(value: Any) -> bool:
    """Whether the value of a flag like ``export`` means yes. Raises ValueError for what is neither yes nor no."""
    if isinstance(value, str):
        word = value.strip().lower()
        if word in ("y", "yes", "1", "true"):
            return True
        if word in ("", "n", "no", "0", "false"):
            return False
        raise ValueError(f"{value!r} is neither yes nor no")
    return bool(value)


def _location(loginfo: dict[str, Any]) -> Location | None:
    location = loginfo.get("location")
    if isinstance(location, Location):
        return location
    if "file" in loginfo:
        return Location(str(loginfo["file"]), int(loginfo.get("line", 0)))
    return None
