"""The shared state that a configuration asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hadronbake.diagnostics import HadronbakeError
from hadronbake.remotes import settings
from hadronbake.remotes.settings import RemoteSetting, Variable
from hadronbake.remotes.store import SharedStore

if TYPE_CHECKING:
    from hadronbake.remotes.remote import Remote


def open_store(variable: Variable, chosen: Sequence[RemoteSetting] | None = None) -> SharedStore:
    """``variable`` gives the value of a variable of the configuration: SSTATE_DIR and those of ``settings``. ``chosen``: remotes to
    use instead of the configuration's. No remote is asked anything yet. Raises HBA020, HBA022, HBA023, HBA024."""
    place = variable("SSTATE_DIR")
    if not place:
        raise HadronbakeError.of("HBA023", "SSTATE_DIR has no value", hint="set SSTATE_DIR in conf/local.conf")
    stated = settings.remotes(variable) if chosen is None else chosen
    remotes = [(item.url, make(item), item.writable) for item in stated]
    return SharedStore(Path(place).absolute(), settings.keyring(variable), remotes)


def make(setting: RemoteSetting) -> Remote:
    """The remote of a setting. What a kind needs is imported when there is one. Raises HBA024 where it isn't installed."""
    if setting.kind == "directory":
        from hadronbake.remotes.directory import DirectoryRemote

        return DirectoryRemote(setting)
    if setting.kind == "http":
        from hadronbake.remotes.http import HttpRemote

        return HttpRemote(setting)
    try:
        from hadronbake.remotes.reapi import ReapiRemote
    except ImportError as error:
        raise HadronbakeError.of(
            "HBA024",
            f"the remote {setting.url} speaks gRPC, for which a Python package is missing: {error}",
            hint="install hadronbake with its extra 'reapi': pip install 'hadronbake[reapi]'",
        ) from error
    return ReapiRemote(setting)
