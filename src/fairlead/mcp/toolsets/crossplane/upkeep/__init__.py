"""Tools for operations, protection, pauses and what is stuck."""
