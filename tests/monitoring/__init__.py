"""Prometheus for tests: Debian's programs, a server that scrapes what runs here, and pictures of its answers."""

from monitoring.programs import Unavailable, promtool
from monitoring.server import Prometheus

__all__ = ["Prometheus", "Unavailable", "promtool"]
