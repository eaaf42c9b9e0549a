"""All that knows Kubernetes. `operator_main` is the operator's life; Kopf is behind one door, `handlers`."""

from funcgate.controller.engines import Engines
from funcgate.controller.main import EngineFactory, Tuning, operator_main

__all__ = ["EngineFactory", "Engines", "Tuning", "operator_main"]
