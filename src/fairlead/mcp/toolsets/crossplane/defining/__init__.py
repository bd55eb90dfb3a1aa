"""Tools for what a platform offers and what is ordered of it."""
