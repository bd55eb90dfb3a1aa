"""Model Context Protocol servers: named servers with their own tools, limits and audit, for AI agents.

Everything that a server offers goes through one gate (`gate`), for listing and for calling alike.
"""
