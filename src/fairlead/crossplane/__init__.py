"""What Crossplane's objects mean.

Crossplane's own API is small; its meaning lies in conventions: what an XRD generates, which conditions say that it is
offered, how a claim and its composite name each other. The connector, migration and the MCP tools all need these, so
they are stated once, as pure functions over plain objects.
"""
