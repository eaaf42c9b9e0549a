"""Calls as others make them: to a function app past the gateway, and through it. No token of ours goes along."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from socket import AF_INET, AF_INET6, AddressFamily
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from funcgate import steps
from funcgate.azure.http import CallObserver, nobody_observes
from funcgate.azure.refusals import unreachable
from funcgate.errors import TryAgain

SECONDS = 15.0
READ_BYTES = 2048
"""As much of an answer as is looked at, to tell who gave it. It is never shown."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """An answer, as far as it tells who gave it; header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    said: str = field(repr=False)


class ProbeClient:
    """One GET at a time, over a session that carries nothing of the operator's."""

    def __init__(self, session: aiohttp.ClientSession, observe: CallObserver = nobody_observes) -> None:
        self._session = session
        self._observe = observe

    async def get(self, url: str, kind: str, headers: Mapping[str, str] | None = None) -> Heard:
        """
        The answer, whatever its status; redirects are not followed.

        Raises TryAgain, Unreachable or CertificateNotTrusted, when there was none within 15 seconds.
        """
        began, status, failed = time.monotonic(), 0, ""
        try:
            async with self._session.get(
                url, headers=headers, allow_redirects=False, timeout=aiohttp.ClientTimeout(total=SECONDS)
            ) as answer:
                status = answer.status
                said = (await _beginning(answer.content)).decode(errors="replace")
                return Heard(status=status, headers={n.lower(): v for n, v in answer.headers.items()}, said=said)
        except TimeoutError as late:
            failed = "TimedOut"
            raise TryAgain(f"{_host(url)} did not answer within {SECONDS:.0f} s", reason=failed) from late
        except (aiohttp.ClientError, OSError) as broken:
            error = unreachable(_host(url), broken)
            failed = error.reason
            raise error from broken
        finally:
            seconds, address = time.monotonic() - began, url.partition("?")[0]
            self._observe(service="probe", method="GET", resource_kind=kind, status=status, seconds=seconds)
            steps.called(
                steps.Called(
                    service="probe",
                    method="GET",
                    kind=kind,
                    address=address,
                    status=status,
                    seconds=seconds,
                    failed=failed,
                )
            )


async def _beginning(content: aiohttp.StreamReader) -> bytes:
    """An answer may come in pieces; one read gives no more than the first."""
    said = b""
    while len(said) < READ_BYTES and (piece := await content.read(READ_BYTES - len(said))):
        said += piece
    return said


class ConnectTo(AbstractResolver):
    """Every name leads to one address and port; certificates are still those of the name."""

    def __init__(self, address: str) -> None:
        """`address` as in `10.0.0.4:443` or `[fd00::4]:443`."""
        host, _, port = address.rpartition(":")
        self._family = AF_INET6 if host.startswith("[") else AF_INET
        self._host, self._port = host.strip("[]"), int(port)

    async def resolve(self, host: str, port: int = 0, family: AddressFamily = AF_INET) -> list[ResolveResult]:
        """That address."""
        return [ResolveResult(hostname=host, host=self._host, port=self._port, family=self._family, proto=0, flags=0)]

    async def close(self) -> None:
        """Nothing is held."""


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
