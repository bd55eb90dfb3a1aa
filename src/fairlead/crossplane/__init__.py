"""What Crossplane's objects mean.

Crossplane's own API is small; its meaning lies in conventions: what an XRD generates, which conditions say that it is
offered, how a claim and its composite name each other, what a deletion takes along. The connector, migration and the
MCP tools all need these, so they are stated once. Beside this file stands what every room needs; a room holds what is
about one matter, and the rooms build on each other in the order that `.importlinter` says.
"""
