"""`python -m controlplane` runs a control plane until Ctrl-C and prints the path of its admin's kubeconfig."""

import signal
import sys

from controlplane import ControlPlane


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ControlPlane() as control_plane:
            sys.stdout.write(f"{control_plane.admin_kubeconfig}\n")
            sys.stdout.flush()
            signal.pause()
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
