"""
Key vaults, as far as somebody's identity reads secrets from them: no address of their own is served.

    world.vaults.put("https://shop.vault.azure.net/secrets/key", "value", readers={principal_id})

`readers` are the object ids of service principals that may read it; None lets everybody read.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

READERS = frozenset[str]()


class VaultError(Exception):
    """The vault does not give the secret; `code` is Key Vault's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Vaults:
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    readers: dict[str, list[str]] = field(default_factory=dict)

    def put(self, identifier: str, value: str, *, readers: AbstractSet[str] | None = None) -> None:
        """The newest version of the secret has this value."""
        self.secrets[plain(identifier)] = value
        if readers is None:
            self.readers.pop(plain(identifier), None)
        else:
            self.readers[plain(identifier)] = sorted(readers)

    def get(self, identifier: str, principal_id: str | None) -> str:
        """The secret's value, for that service principal. Raises VaultError."""
        at = plain(identifier)
        if at not in self.secrets:
            raise VaultError("SecretNotFound", f"A secret with (name/id) {at.rpartition('/')[2]} was not found.")
        if at in self.readers and principal_id not in self.readers[at]:
            raise VaultError("Forbidden", "The user, group or application does not have secrets get permission.")
        return self.secrets[at]


def plain(identifier: str) -> str:
    """`https://<vault>/secrets/<name>`, in lower case and without a version."""
    return "/".join(identifier.lower().rstrip("/").split("/")[:5])
