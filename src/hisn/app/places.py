"""Say where things lie in a node's folder; the drawing is in the documents of the log's formats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


def blob_name(digest: bytes) -> str:
    """Return where a blob lies: bodies by what their acts commit to, others by their SHA-256."""
    return f"blob/sha256/{digest.hex()[:2]}/{digest.hex()}"


@dataclass(frozen=True, slots=True)
class Places:
    """Name the files of a node below its folder; nothing is created."""

    root: Path

    @property
    def config(self) -> Path:
        """Return the node's settings."""
        return self.root / "node.json"

    @property
    def genesis(self) -> Path:
        """Return the charter: the only trust that comes from outside."""
        return self.root / "charter" / "genesis.json"

    @property
    def rosters(self) -> Path:
        """Return the folder with one envelope per epoch."""
        return self.root / "roster"

    @property
    def watched(self) -> Path:
        """Return the folder of the units whose logs this node witnesses without being a member."""
        return self.root / "watched"

    @property
    def keys(self) -> Path:
        """Return the folder of wrapped keys; it does not belong into ordinary backups."""
        return self.root / "keys"

    @property
    def state(self) -> Path:
        """Return the folder of what this machine remembers."""
        return self.root / "state"

    @property
    def register(self) -> Path:
        """Return the database of the commit point."""
        return self.state / "commit.db"

    @property
    def projection(self) -> Path:
        """Return the look-up table that may be deleted."""
        return self.state / "projection.db"

    def peer_projection(self, log: str) -> Path:
        """Return the look-up table of another member's log, by its origin hash; it may be deleted, too."""
        return self.state / f"peer-{log}.db"

    @property
    def intake(self) -> Path:
        """Return the folder of files that are being read; empty when nothing runs."""
        return self.state / "intake"
