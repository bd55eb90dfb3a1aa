"""Packages: their versions and dependencies, what fetches and runs them, who calls them."""
