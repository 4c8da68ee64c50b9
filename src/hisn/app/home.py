"""Make and open a node's folder: the one place that puts a member together out of files.

Making a node can be killed at any moment and done again: the secret is written first and is kept,
everything else follows from it, and ``node.json`` is written last.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from hisn.acts.envelope import parse_envelope
from hisn.acts.kinds import Check, is_id, is_text
from hisn.acts.statement import parse_statement
from hisn.app.addresses import witness_prefixes
from hisn.app.fold import Fold
from hisn.app.identity import ROLES, Identity, new_identity
from hisn.app.intake import Intaker
from hisn.app.key_file import Secret, end_rotation, has_secret, read_secret, using_keys, write_secret
from hisn.app.member import Draft, Member
from hisn.app.own_keys import OwnKeys
from hisn.app.places import Places
from hisn.app.sweep import sweep_leftovers
from hisn.core.canon import Json, b64, canonical, parse_b64, parse_canonical
from hisn.core.clock import Clock
from hisn.core.proof_limits import MAX_PACK_BYTES
from hisn.core.signers import DualSigner, Succession
from hisn.errors import StorageError, UsageError, VerificationError
from hisn.evidence.escrow import EscrowPublic, parse_escrow_public
from hisn.evidence.key_record import node_key_id
from hisn.evidence.vault import Vault
from hisn.storage.blobs import FileBlobs
from hisn.storage.files import write_whole
from hisn.storage.keyring import FileKeyStore
from hisn.storage.projection import Projection
from hisn.storage.register import SqliteRegister
from hisn.storage.system import SystemClock, SystemEntropy
from hisn.tlog.append import LogWriter
from hisn.tlog.ports import Entropy
from hisn.tlog.sign import LogSigner
from hisn.unit.draft import make_charter
from hisn.unit.enrol import Enrolment, assemble_roster, make_enrolment, sign_roster, verify_enrolment
from hisn.unit.roster import verify_roster_chain
from hisn.unit.rosterdoc import Charter, Roster, is_url, parse_charter

FORMAT = "hisn-node/1"
_EPOCHS = "[0-9][0-9][0-9][0-9].dsse"
_FIRST = "0000.dsse"
_NEXT = "next.chain"


class NodeConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Hold a node's settings: whose it is, where it is reached, who holds escrow copies of its keys."""

    format: str = FORMAT
    origin: str
    side: str
    url: str = ""
    escrow: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNode:
    """Say what a new node is to be. `passphrase` None: its secret lies open, for unattended starts."""

    origin: str
    side: str
    unit: str
    url: str = ""
    passphrase: str | None = None
    escrow: tuple[str, ...] = ()
    outside: tuple[bytes, ...] = ()
    """Enrolments of witnesses that are no members."""


def init_node(
    root: Path, wanted: NewNode, clock: Clock | None = None, entropy: Entropy | None = None
) -> Node:
    """Make a node that is a unit of one member, and open it.

    Raises UsageError (E1300) where there is one, E1309 for a name that cannot be, VerificationError or
    PolicyError for a witness that cannot be, StorageError.
    """
    places = Places(root)
    clock, entropy = clock or SystemClock(), entropy or SystemEntropy()
    if places.config.exists():
        raise UsageError(
            "E1300",
            f"there is a node in {root} already",
            hint="hisn node status says which; set HISN_HOME to make another one",
            unchanged="nothing was changed",
        )
    for text in wanted.escrow:
        parse_escrow_public(text)
    require_names(id=wanted.origin, side=wanted.side, unit=wanted.unit, url=wanted.url)
    outside = [verify_enrolment(data) for data in wanted.outside]
    _make_folders(places)
    secret = _first_secret(places, wanted.passphrase, entropy)
    charter, envelope = _found(wanted, secret.identity, outside)
    write_whole(places.genesis, charter.document)
    write_whole(places.rosters / _FIRST, envelope)
    config = NodeConfig(origin=wanted.origin, side=wanted.side, url=wanted.url, escrow=wanted.escrow)
    with ExitStack() as stack:
        register = SqliteRegister(places.register)
        stack.callback(register.close)
        signer = LogSigner(wanted.origin, secret.identity.signer("log"), clock)
        try:
            LogWriter.create(signer, FileBlobs(root), register)
        except StorageError as error:
            if error.code != "E5205":  # it exists: the run before was killed behind this point
                raise
    node = Node(places, config, secret, clock, entropy)
    if not node.log.head().checkpoint.size:
        node.member.record(
            [Draft(kind="charter", public={"genesis": charter.genesis.hex()}, clear=charter.document)]
        )
    write_config(places, config)
    return node


def require_names(**texts: str) -> None:
    """Return if texts can be what they are to be: id, side, unit, url. Raises UsageError (E1309)."""
    checks: dict[str, Check] = {"id": is_id, "side": is_id, "unit": is_text, "url": is_url}
    for name, text in texts.items():
        if not checks[name](text):
            raise UsageError(
                "E1309",
                f"this cannot be a member's {name}: {text[:100]!r}",
                hint="ids and sides are like domains, in lower case; addresses begin with https://",
                unchanged="nothing was made",
            )


def _first_secret(places: Places, passphrase: str | None, entropy: Entropy) -> Secret:
    if has_secret(places):
        return read_secret(places, lambda: passphrase or "", entropy)
    return write_secret(places, new_identity(entropy), passphrase, entropy)


def _make_folders(places: Places) -> None:
    try:
        for folder in (places.root, places.keys, places.state, places.genesis.parent, places.rosters):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.name == "posix":
            places.keys.chmod(0o700)
    except OSError as error:
        raise StorageError(
            "E5330",
            f"cannot make the node's folder {places.root}: {error.strerror or error}",
            hint="check the permissions, or set HISN_HOME to another folder",
            unchanged="there is no node",
        ) from error


def _found(wanted: NewNode, identity: Identity, outside: Sequence[Enrolment]) -> tuple[Charter, bytes]:
    signers = {role: identity.signer(role) for role in ROLES}
    own = verify_enrolment(make_enrolment(wanted.unit, wanted.origin, wanted.side, wanted.url, signers))
    charter, roster = make_charter(wanted.unit, [own], outside)
    return charter, assemble_roster(roster.document, sign_roster(roster.document, signers.values()))


def read_config(places: Places) -> NodeConfig:
    """Return the node's settings. Raises UsageError (E1301) where there is no node, StorageError."""
    try:
        return msgspec.json.decode(places.config.read_bytes(), type=NodeConfig)
    except FileNotFoundError as error:
        raise UsageError(
            "E1301",
            f"there is no node in {places.root}",
            hint="make one: hisn node init, or name its HISN_HOME",
        ) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise StorageError(
            "E5332", f"cannot read {places.config}: {error}", hint="restore node.json from a backup"
        ) from error


def write_config(places: Places, config: NodeConfig) -> None:
    """Put a node's settings in place. Raises StorageError."""
    write_whole(places.config, msgspec.json.format(msgspec.json.encode(config), indent=1) + b"\n")


def open_node(
    root: Path,
    passphrase: Callable[[], str],
    clock: Clock | None = None,
    entropy: Entropy | None = None,
) -> Node:
    """Open a node; `passphrase` is asked only where its secret is locked.

    Raises UsageError (no node), InputError (passphrase), VerificationError (its roster), StorageError.
    """
    places = Places(root)
    config = read_config(places)
    clock, entropy = clock or SystemClock(), entropy or SystemEntropy()
    secret = read_secret(places, passphrase, entropy)
    node = Node(places, config, secret, clock, entropy)
    if secret.is_rotated:
        node.log_rotation()
    return node


class Node:
    """Hold an open node: its member, log, keys and roster. To be closed; one thread uses it."""

    def __init__(
        self, places: Places, config: NodeConfig, secret: Secret, clock: Clock, entropy: Entropy
    ) -> None:
        self.places = places
        self.config = config
        self._secret = secret
        self._uses_keys = False
        self.clock = clock
        self.entropy = entropy
        self.blobs = FileBlobs(places.root)
        sweep_leftovers(places, self.blobs, clock)
        self.charter, self.rosters = read_unit(places)
        self._stack = ExitStack()
        self.register = SqliteRegister(places.register)
        self._stack.callback(self.register.close)
        projection = Projection(places.projection)
        self._stack.callback(projection.close)
        self._fold = Fold(projection, self.blobs)
        self._open_log()

    def _open_log(self) -> None:
        """Open the log with the keys of the roster in force; what older keys signed is its base."""
        self.log = LogWriter.open(self._log_signer(), self.blobs, self.register, self.own_keys.former())
        self.member = Member(
            origin=self.config.origin,
            signers=self._act_signers,
            log=self.log,
            blobs=self.blobs,
            fold=self._fold,
            clock=self.clock,
            entropy=self.entropy,
            look_out=self._look_out,
        )
        self._acting = self.own_keys.succession("act")

    def _log_signer(self) -> LogSigner:
        signers = self.own_keys.succession("log")
        return LogSigner(self.config.origin, signers.newest, self.clock, signers.earlier)

    def _act_signers(self) -> Succession:
        """Return who signs acts, once the roster was read again if another process has adopted an epoch."""
        if (self.places.rosters / f"{len(self.rosters):04d}.dsse").exists():
            self.reload_unit()
        return self._acting

    def _look_out(self) -> None:
        prefixes = [url for url in witness_prefixes(self.roster, self.config.origin).values() if url]
        if prefixes:
            # It brings the HTTP client, which a node without witnesses does not need.
            from hisn.app.lookout import look_out

            look_out(self.log, prefixes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the databases."""
        self._stack.close()

    @property
    def roster(self) -> Roster:
        """Return the newest epoch that this node has adopted."""
        return self.rosters[-1]

    def reload_unit(self) -> None:
        """Read charter and rosters again: an epoch may have been adopted, by another process, too.

        The log and the member go on under the keys of that epoch.
        """
        before = self.roster.find(self.config.origin)
        self.charter, self.rosters = read_unit(self.places)
        if self.roster.find(self.config.origin) != before:
            self.log.take_keys(self._log_signer(), self.own_keys.former())
            self._acting = self.own_keys.succession("act")

    @property
    def identity(self) -> Identity:
        """Return the node's secret."""
        return self._secret.identity

    def take_secret(self, secret: Secret) -> None:
        """Go on with a secret whose node key was replaced."""
        self._secret = secret

    @property
    def own_keys(self) -> OwnKeys:
        """Return this node's signing keys, as the roster in force names them."""
        return OwnKeys(self.config.origin, self.identity, self.roster)

    def signer(self, role: str) -> DualSigner:
        """Return this node's newest keys of a role; signing with them fails where they are lost (E5337)."""
        return self.own_keys.signer(role)

    def vault(self) -> Vault:
        """Return the keys of sealed evidence; opening it erases again what was erased before.

        Until the node is closed nobody can replace the node key.  Raises StorageError (E5336).
        """
        if not self._uses_keys:
            self._stack.enter_context(using_keys(self.places, self._secret.data))
            self._uses_keys = True
        return Vault(
            FileKeyStore(self.places.keys),
            self.identity.node_key,
            self.entropy,
            self.escrow(),
            self._erasures(),
        )

    def log_rotation(self) -> None:
        """Say in the log that the node key was replaced, once; then the rotation is over."""
        if self.log.refusal or self.own_keys.is_lost:
            return
        detail: dict[str, Json] = {"node_key": node_key_id(self.identity.node_key)}
        if detail not in self.key_events("rotate"):
            self.member.record([Draft(kind="key-event", public={"event": "rotate", "detail": detail})])
        end_rotation(self.places)

    def escrow(self) -> tuple[EscrowPublic, ...]:
        """Return who holds copies of this node's keys."""
        return tuple(parse_escrow_public(text) for text in self.config.escrow)

    def intaker(self, folder: Path) -> Intaker:
        """Return what takes files in, with copies in a folder."""
        return Intaker(self.vault(), self.blobs, folder, self.identity.source_salt)

    def key_events(self, event: str) -> list[dict[str, Json]]:
        """Return the details of the key events of one sort that are in the log."""
        self.member.fold.catch_up(self.log)
        details = []
        for position in self.member.fold.table.positions("key-event"):
            public = parse_statement(parse_envelope(self.log.read_entry(position)).payload).public
            if public["event"] == event and isinstance(public["detail"], dict):
                details.append(public["detail"])
        return details

    def _erasures(self) -> list[str]:
        """Return the keys whose erasure is in the log: it is no older than any backup of the keys."""
        return [str(detail["key"]) for detail in self.key_events("erase") if detail.get("key")]


def replace_unit(places: Places, charter: bytes, envelopes: Sequence[bytes]) -> None:
    """Put a unit, with all its epochs, in the place of the one in which this node was alone.

    The charter is the commit point: what was begun before it is dropped, what is left to do after
    it the next `read_unit` finishes.
    """
    write_whole(places.rosters / _NEXT, canonical([b64(each) for each in envelopes]))
    write_whole(places.genesis, charter)
    _finish_unit(places, charter)


def _finish_unit(places: Places, charter: bytes) -> None:
    path = places.rosters / _NEXT
    if not path.exists():
        return
    try:
        envelopes = _parse_chain(path.read_bytes())
        verify_roster_chain(charter, envelopes)
    except VerificationError:
        path.unlink()  # its charter was never put in place
        return
    names = [f"{epoch:04d}.dsse" for epoch in range(len(envelopes))]
    for name, envelope in zip(names, envelopes, strict=True):
        write_whole(places.rosters / name, envelope)
    for old in places.rosters.glob(_EPOCHS):
        if old.name not in names:
            old.unlink()
    path.unlink()  # last: until then all of this is done again


def _parse_chain(data: bytes) -> list[bytes]:
    value = parse_canonical(data, max_bytes=MAX_PACK_BYTES)
    return [parse_b64(each) for each in value if isinstance(each, str)] if isinstance(value, list) else []


def read_unit(places: Places) -> tuple[Charter, tuple[Roster, ...]]:
    """Return the charter and the verified epochs of a node. Raises VerificationError, StorageError."""
    with _reading_unit():
        _finish_unit(places, places.genesis.read_bytes())
    return read_chain(places.genesis, places.rosters)


def read_chain(genesis: Path, rosters: Path) -> tuple[Charter, tuple[Roster, ...]]:
    """Return the charter and the verified epochs of some unit. Raises VerificationError, StorageError."""
    with _reading_unit():
        charter = genesis.read_bytes()
    return parse_charter(charter), verify_roster_chain(charter, read_epochs(rosters))


def read_epochs(rosters: Path) -> tuple[bytes, ...]:
    """Return the envelopes of a folder with epochs, in their order. Raises StorageError."""
    with _reading_unit():
        return tuple(path.read_bytes() for path in sorted(rosters.glob(_EPOCHS)))


@contextmanager
def _reading_unit() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            "E5334",
            f"cannot read the unit's charter and roster: {error.strerror or error}",
            hint="restore the charter and roster folders; every member has the same files",
        ) from error
