"""Tools for managed resources, their kinds and their credentials."""
