"""A real Kubernetes API for tests: etcd and kube-apiserver, started in seconds, ended with whoever uses them.

with ControlPlane() as control_plane:
    control_plane.apply(Path("crds"))
    control_plane.kubectl("get", "crds")
"""

from controlplane.audit import AuditEntry
from controlplane.control_plane import ControlPlane
from controlplane.kubectl import KubectlError
from controlplane.program import BuildError, build
from controlplane.server import ControlPlaneError

__all__ = ["AuditEntry", "BuildError", "ControlPlane", "ControlPlaneError", "KubectlError", "build"]
