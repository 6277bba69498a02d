"""``hbake keys``: who signs the records of shared state, and who is believed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadronbake.cli.inspect import BuildDirectory, Json
from hadronbake.cli.opening import build_directory, open_configuration
from hadronbake.diagnostics import HadronbakeError

if TYPE_CHECKING:
    from hadronbake.artifacts.signing import Keyring

app = typer.Typer(no_args_is_help=True, help="Keys that sign shared state, and keys that are trusted.")


@app.command("new")
def new(build_dir: BuildDirectory = None, as_json: Json = False) -> None:
    """Make this machine's signing key, unless there is one; show its public key, for others to trust."""
    keys = _keyring(build_dir)
    made = keys.make()
    if as_json:
        print(json.dumps({"made": made, "file": str(keys.signing), "key": keys.own}))
        return
    print(f"{'made' if made else 'there is'} {keys.signing}; its public key is")
    print(keys.own)


@app.command("list")
def show(build_dir: BuildDirectory = None, as_json: Json = False) -> None:
    """List the keys that are trusted."""
    keys = _keyring(build_dir)
    if as_json:
        print(json.dumps([{"key": item.key, "name": item.name, "source": item.source} for item in keys.trusted]))
        return
    for item in keys.trusted:
        print(f"{item.key}  {item.name or '-'}  ({item.source})")
    if not keys.trusted:
        print(f"no key is trusted; {keys.signing} is made when something is first built, or by `hbake keys new`")


@app.command("trust")
def trust(
    key: Annotated[str, typer.Argument(help="A public key of 64 hex digits, or a file with one.")],
    name: Annotated[str | None, typer.Option("--name", help="What to call it (default: its first digits).")] = None,
    build_dir: BuildDirectory = None,
) -> None:
    """Believe what is signed with a key: its records are used as if they were made here."""
    from hadronbake.artifacts.signing import SHOWN, stated_keys

    keys = _keyring(build_dir)
    text = str(Path(key).absolute()) if Path(key).is_file() else key
    found = stated_keys(text)
    before = {item.key: item.source for item in keys.trusted}
    for number, item in enumerate(found):
        if item.key in before:
            print(f"{item.key} is trusted already ({before[item.key]})")
            continue
        called = name or item.name.replace(" ", "-") or item.key[:SHOWN]
        path = keys.trust(item.key, called if len(found) == 1 or not name else f"{name}-{number + 1}")
        print(f"{item.key} is trusted ({path})")


@app.command("adopt")
def adopt(build_dir: BuildDirectory = None) -> None:
    """Sign the unsigned records that an earlier version left in the local store.

    Only if nobody else could write there: from then on they are believed.
    """
    from hadronbake.artifacts.store import Store

    variable = open_configuration(build_directory(build_dir)).getVar
    directory = variable("SSTATE_DIR")
    if not directory:
        raise HadronbakeError.of("HBC130", "SSTATE_DIR has no value", hint="set SSTATE_DIR in conf/local.conf")
    store = Store(Path(directory).absolute(), _keyring(build_dir))
    print(f"{store.adopt()} records of {store.root} are signed with {store.keys.own}")


@app.command("secureboot")
def secureboot(
    build_dir: BuildDirectory = None,
    name: Annotated[
        str, typer.Option("--name", help="Whose keys they are, in the certificates.")
    ] = "Hadron development",
) -> None:
    """Make a set of Secure Boot keys for development, in the build directory (or where HB_SECUREBOOT_KEYS says)."""
    from hadronbake.images.keys import make_secureboot

    place = build_directory(build_dir)
    target = Path(open_configuration(place).getVar("HB_SECUREBOOT_KEYS") or place / "keys/secureboot")
    make_secureboot(target, name)
    print(f"made {target}")


def _keyring(build_dir: Path | None) -> Keyring:
    from hadronbake.remotes.settings import keyring

    return keyring(open_configuration(build_directory(build_dir)).getVar)


def register(main: typer.Typer) -> None:
    main.add_typer(app, name="keys")
