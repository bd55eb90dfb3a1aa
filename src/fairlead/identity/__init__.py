"""Who somebody is, by the word of an OpenID Connect provider: its documents and keys, tokens verified and exchanged.

Below `client`, because a Kubernetes API is reached with what comes out of here; it knows neither MCP nor Kubernetes.
"""
