"""Installing a connector and removing it, and what can be said of one that is installed.

What is to be made is decided by pure functions over the values and over what both clusters hold; asking and applying
are apart from that, so that a dry run shows exactly what an installation does.
"""
