"""Listening: TLS with the peer's certificate, certificates, health, draining; HTTP ↔ request values.

Whoever serves HTTP here writes a `machinery.messages.Handler` and gives it to `listening.listen`. uvicorn's httptools
protocol does the HTTP; nothing outside this package knows that, so another server can take its place.
"""
