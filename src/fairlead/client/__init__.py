"""The only code that talks to a Kubernetes API.

Thin on purpose: raw bytes are the base (`connection`), so that a caller can pass a body on unread; dictionaries come on
top (`api`), and there are no generated models. The clients that exist were measured and read first: either they know no
`v1` exec plugin, or their watch ends in silence, or they cost five times as much per request.
"""
