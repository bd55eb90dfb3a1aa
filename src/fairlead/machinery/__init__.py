"""What every Kubernetes API means, as pure functions over plain values.

No I/O and no product knowledge lives here, so that a server (the connector, the playground) and a client can share one
reading of paths, errors, selectors, tables and patches, and each rule can be tested without a socket.
"""
