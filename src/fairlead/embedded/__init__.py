"""The playground: a Kubernetes API in one process, for trying out and for fast tests."""
