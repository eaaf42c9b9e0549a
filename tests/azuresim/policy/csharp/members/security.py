"""Hashes and message authentication codes. Source: learn.microsoft.com/dotnet/api/system.security.cryptography."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

from azuresim.policy.csharp.errors import EvaluationError
from azuresim.policy.csharp.signatures import declare
from azuresim.policy.csharp.types import T

SPACE = "System.Security.Cryptography"


class Hasher:
    def __init__(self, name: str, algorithm: str, key: bytes | None = None) -> None:
        self.type, self.algorithm, self.key = T(name), algorithm, key

    def compute(self, content: bytes) -> bytes:
        if content is None:
            raise EvaluationError("Value cannot be null. (Parameter 'buffer')")
        if self.key is None:
            return hashlib.new(self.algorithm, content, usedforsecurity=False).digest()
        return hmac.new(self.key, content, self.algorithm).digest()


def creates(name: str, algorithm: str) -> Callable[[], Hasher]:
    return lambda: Hasher(name, algorithm)


def keyed(key: bytes) -> Hasher:
    if key is None:
        raise EvaluationError("Value cannot be null. (Parameter 'key')")
    return Hasher("HMACSHA256", "sha256", key)


REST = "Hash HashSize Clear Dispose Initialize ComputeHash* TransformBlock TransformFinalBlock"
declare("HashAlgorithm", SPACE, {"byte[] ComputeHash(byte[] buffer)": Hasher.compute}, others=REST)
for _name in ("SHA1", "SHA256", "SHA512", "MD5"):
    declare(_name, SPACE, {f"static {_name} Create()": creates(_name, _name.lower())}, others=REST + " Create*")
declare("HMACSHA256", SPACE, {"new(byte[] key)": keyed}, others=REST + " new* Key Create")
