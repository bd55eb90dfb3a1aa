"""Named servers as values: what an operator says of each, and of what it can be made."""
