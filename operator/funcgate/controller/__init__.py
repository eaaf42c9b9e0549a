"""All that knows Kubernetes. `operator_main` is the operator's life; Kopf is behind one door, `handlers`."""

from funcgate.controller.main import EngineFactory, Tuning, operator_main
from funcgate.controller.reconciler import Engine, Pass

__all__ = ["Engine", "EngineFactory", "Pass", "Tuning", "operator_main"]
