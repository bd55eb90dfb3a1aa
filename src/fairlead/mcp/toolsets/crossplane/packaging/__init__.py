"""Tools for packages and how they are fetched and run."""
