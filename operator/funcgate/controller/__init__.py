"""All that knows Kubernetes. `main` is the operator's life; Kopf is behind one door, `handlers`."""
