"""Builds and runs the real servers that end-to-end tests run against.

Nothing here is shipped: `building` makes the programs from Go modules, `servers` starts and stops them on loopback.
What a test gets is the same `Cluster` value as from the embedded server.
"""
