"""The key store in memory keeps what the port promises."""

from __future__ import annotations

from hisn.evidence.vault import KeyStore, Vault
from hisn.testing.memory_keystore import MemoryKeyStore
from hisn.testing.seeded_entropy import SeededEntropy


def test_a_vault_works_over_it() -> None:
    store = MemoryKeyStore()
    port: KeyStore = store
    vault = Vault(port, bytes(32), SeededEntropy(1))
    kept, gone = vault.new_keys(2)
    assert vault.get(kept.commitment).key == kept.key
    vault.erase([gone.commitment])
    assert list(store.list()) == [kept.commitment.hex()]
    assert store.erased() == {gone.commitment.hex()}
    store.delete("nothing")
    assert store.get("nothing") is None
