"""Who is believed: signatures of records and equivalences, trusted keys, old stores, divergences."""

import hashlib
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from hadronbake.artifacts.record import Digest, Record
from hadronbake.artifacts.signing import Damaged, Keyring, Untrusted, keys_of_file
from hadronbake.artifacts.store import Store, canonical
from hadronbake.diagnostics import HadronbakeError

A, B = "a" * 64, "b" * 64
TASK = "zlib:do_install"


def tree_of(store: Store, directory: Path, text: str) -> Digest:
    (directory / "image").mkdir(parents=True, exist_ok=True)
    (directory / "image/file").write_text(text)
    return store.put_tree(directory, ["image"]).digest


def record(tree: Digest, taskhash: str = A, **changes: object) -> Record:
    values = {
        "taskhash": taskhash,
        "task": TASK,
        "outhash": tree.hash,
        "unihash": taskhash,
        "tree": tree,
        "inputs": tree,
    }
    return Record.model_validate({**values, **changes})


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "keys")
    assert ring.trusted == ()
    statement = ring.sign("record", b"{}")
    assert stat.S_IMODE((tmp_path / "keys/signing.key").stat().st_mode) == 0o600
    assert ring.open("record", statement) == b"{}"
    again = Keyring(tmp_path / "keys")
    assert again.own == ring.own
    assert [key.key for key in again.trusted] == [ring.own]
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == ["signing.key"]


def test_threads_at_once_make_one_key(tmp_path: Path) -> None:
    rings = [Keyring(tmp_path / "keys") for _ in range(8)]
    barrier = threading.Barrier(8)
    owned: list[str] = []

    def work(ring: Keyring) -> None:
        barrier.wait()
        owned.append(ring.own)

    threads = [threading.Thread(target=work, args=(ring,)) for ring in rings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(owned)) == 1


def test_a_statement_is_three_lines_that_others_can_check(tmp_path: Path) -> None:
    """What the document says of the format, followed by hand."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    ring = Keyring(tmp_path / "keys")
    payload = canonical(record(Digest(hash=B, size=1)))
    first, second, third, rest = ring.sign("record", payload).split(b"\n")
    assert (first, rest) == (payload, b"")
    assert json.dumps(json.loads(first), sort_keys=True, separators=(",", ":")).encode() == payload
    algorithm, key, signature = second.split()
    assert (algorithm, key.decode()) == (b"ed25519", ring.own)
    kind = b"application/vnd.hadronbake.record+json"
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.decode())).verify(bytes.fromhex(signature.decode()), signed)
    assert third.decode() == hashlib.sha256(first + b"\n" + second + b"\n").hexdigest()


def test_every_changed_byte_and_every_truncation_is_damage(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "keys")
    statement = ring.sign("record", b'{"a":1}')
    for position in range(len(statement)):
        for changed in (
            statement[:position] + bytes((statement[position] ^ 1,)) + statement[position + 1 :],
            statement[:position],
        ):
            with pytest.raises(Damaged):
                ring.open("record", changed)
    with pytest.raises(Damaged):
        ring.open("record", statement + b"\n")


def test_a_key_without_the_signature_is_no_signature(tmp_path: Path) -> None:
    """Anybody can write a trusted key's name and the check line."""
    ring, other = Keyring(tmp_path / "keys"), Keyring(tmp_path / "other")
    payload, signed, _, _ = other.sign("record", b"{}").split(b"\n")
    lines = payload + b"\n" + signed.replace(other.own.encode(), ring.own.encode()) + b"\n"
    with pytest.raises(Damaged):
        ring.open("record", lines + hashlib.sha256(lines).hexdigest().encode() + b"\n")


def test_one_kind_of_statement_is_not_another(tmp_path: Path) -> None:
    ring = Keyring(tmp_path / "keys")
    with pytest.raises(Damaged):
        ring.open("equivalence", ring.sign("record", b"{}"))


def test_trust_in_hex_in_files_and_by_the_directory(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    other = Keyring(tmp_path / "other")
    statement = other.sign("record", b"{}")
    with pytest.raises(Untrusted) as caught:
        Keyring(tmp_path / "mine").open("record", statement)
    assert caught.value.key == other.own
    (tmp_path / "farm.pub").write_text(f"# the farm\n\n{other.own} builder one # of CI\n")
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(other.own))
    (tmp_path / "farm.pem").write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert keys_of_file(tmp_path / "farm.pub")[0].name == "builder one"
    for stated in (other.own, str(tmp_path / "farm.pub"), str(tmp_path / "farm.pem")):
        assert Keyring(tmp_path / "mine", [stated]).open("record", statement) == b"{}"
    mine = Keyring(tmp_path / "mine")
    assert mine.trusted == ()
    mine.trust(other.own, "farm")
    assert mine.open("record", statement) == b"{}"
    assert [(key.name, key.key) for key in mine.trusted] == [("farm", other.own)]


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        ("abc", "error[HBA020]: 'abc' is no trusted key"),
        (
            "/nowhere/farm.pub",
            "error[HBA020]: the trusted key /nowhere/farm.pub can't be read: No such file or directory",
        ),
    ],
)
def test_what_is_no_key_is_said(tmp_path: Path, stated: str, said: str) -> None:
    with pytest.raises(HadronbakeError) as caught:
        Keyring(tmp_path, [stated])
    assert said in str(caught.value)


def test_a_file_with_something_else_is_said_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "x.pub").write_text("# keys\nssh-ed25519 AAAA\n")
    with pytest.raises(HadronbakeError, match=r"x\.pub:2 is no public key of 64 hex digits"):
        Keyring(tmp_path, [str(tmp_path / "x.pub")])


def test_a_signing_key_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "signing.key").write_text("nonsense")
    with pytest.raises(HadronbakeError, match="HBA021"):
        Keyring(tmp_path).sign("record", b"{}")


# --- in the store ---------------------------------------------------------------------------------------------------


def test_a_record_of_an_unknown_key_is_a_miss_said_once(tmp_path: Path) -> None:
    theirs = Store(tmp_path / "store", Keyring(tmp_path / "theirs"))
    tree = tree_of(theirs, tmp_path / "w", "x")
    kept = theirs.add_record(record(tree))
    theirs.add_record(record(tree, B))
    mine = Store(tmp_path / "store", Keyring(tmp_path / "mine"))
    assert mine.records([A, B]) == {}
    assert mine.equivalent(TASK, tree.hash) is None
    (said,) = mine.take_notices()
    assert said == (
        f"{mine.root} has records signed with the key {theirs.keys.own[:16]}…, which isn't trusted: they don't count. "
        f"`hbake keys trust {theirs.keys.own}` would trust it"
    )
    assert mine.record(A) is None
    assert mine.take_notices() == []
    trusting = Store(tmp_path / "store", Keyring(tmp_path / "mine", [theirs.keys.own]))
    assert trusting.record(A) == kept
    assert trusting.equivalent(TASK, tree.hash) == A
    # What doesn't count doesn't stand in the way either.
    own = mine.add_record(record(tree, builder="mine"))
    assert mine.record(A) == own


def unsigned(store: Store, item: Record) -> Path:
    path = store.root / "ac" / item.taskhash[:2] / item.taskhash
    path.parent.mkdir(parents=True, exist_ok=True)
    text = canonical(item)
    path.write_bytes(text + b"\n" + hashlib.sha256(text).hexdigest().encode() + b"\n")
    return path


def test_unsigned_records_of_an_old_store_are_a_miss_until_they_are_adopted(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    tree = tree_of(store, tmp_path / "w", "x")
    good = record(tree)
    path = unsigned(store, good)
    damaged = unsigned(store, record(tree, B))
    damaged.write_bytes(damaged.read_bytes().replace(b"zlib", b"zlob"))
    replayed = store.root / "ac/cc" / ("c" * 64)
    replayed.parent.mkdir()
    os.link(path, replayed)
    assert store.record(A) is None
    (said,) = store.take_notices()
    assert "nobody signed" in said
    assert "hbake keys adopt" in said
    assert store.adopt() == 1
    assert store.record(A) == good
    assert store.equivalent(TASK, tree.hash) == A
    assert store.record(B) is None
    assert store.record("c" * 64) is None
    assert store.adopt() == 0


def test_adoption_leaves_what_others_signed(tmp_path: Path) -> None:
    theirs = Store(tmp_path / "store", Keyring(tmp_path / "theirs"))
    theirs.add_record(record(tree_of(theirs, tmp_path / "w", "x")))
    mine = Store(tmp_path / "store", Keyring(tmp_path / "mine"))
    assert mine.adopt() == 0
    assert mine.record(A) is None


def test_a_record_replayed_under_another_key_is_refused(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    tree = tree_of(store, tmp_path / "w", "x")
    store.add_record(record(tree))
    statement = store.statement(A)
    assert statement is not None
    with pytest.raises(Damaged):
        store.believed(B, statement)
    with pytest.raises(Damaged):
        store.add_statement(B, statement)
    claim = store.claim(TASK, tree.hash)
    assert claim is not None
    with pytest.raises(Damaged):
        store.believed_claim("other:do_install", tree.hash, claim)
    assert store.record(B) is None


def test_a_second_output_is_kept_as_a_divergence(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    first = store.add_record(record(tree_of(store, tmp_path / "w", "one")))
    other = record(tree_of(store, tmp_path / "w", "two"), builder="elsewhere")
    assert store.add_record(other) == first
    assert store.record(A) == first
    (found,) = store.divergences()
    assert (found.first, found.others) == (first, (other,))
    (said,) = store.take_notices()
    assert said.startswith("zlib:do_install has made two different outputs from the same inputs")


def test_the_same_output_again_is_no_divergence(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    tree = tree_of(store, tmp_path / "w", "one")
    store.add_record(record(tree))
    store.add_record(record(tree, builder="elsewhere"))
    assert list(store.divergences()) == []
    assert store.take_notices() == []


def test_a_record_of_another_version_is_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    payload = json.dumps({"taskhash": A, "version": 9}).encode()
    path = store.root / "ac/aa" / A
    path.parent.mkdir(parents=True)
    path.write_bytes(store.keys.sign("record", payload))
    assert store.record(A) is None
    assert path.exists()
    assert "another version" in store.take_notices()[0]
