"""An OpenID Connect provider in this process, for tests that need no real one.

It signs with real keys that it can exchange, registers clients, logs in whoever it is told to (authorization code with
PKCE, no form), and exchanges tokens. It keeps what it was asked, so that a test can say how often.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from fairlead.serving import listening
from fairlead.serving.tls import ServerTLS

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


@cache
def rsa_key(number: int) -> rsa.RSAPrivateKey:
    """Made once in a process, because making one is slow."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(number: int) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class Provider:
    issuer: str = ""
    """Empty until it is served."""
    user: str = "alice"
    """Whoever logs in next."""
    groups: tuple[str, ...] = ("developers",)
    registers: bool = True
    """Whether clients can register themselves."""
    names_itself: bool = True
    """Whether a login answers with `iss` (RFC 9207)."""
    more: dict[str, Any] = field(default_factory=dict)
    """Of its document; wins."""
    confidential: dict[str, str] = field(default_factory=lambda: {"mcp": "s3cret"})
    """Clients that may exchange, by id."""
    takes: tuple[str, ...] = ("client_secret_basic", "client_secret_post")
    """How they may say who they are."""
    exchangeable: set[str] = field(default_factory=lambda: {"kubernetes"})
    """Audiences that a token may be exchanged for."""
    lifetime: int = 300
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of every request."""
    failing: bool = False
    """Answers HTTP 500 to everything."""
    clients: dict[str, dict[str, Any]] = field(default_factory=dict)
    _current: int = 0
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def key_id(self) -> str:
        return f"key-{self._current}"

    @property
    def key(self) -> rsa.RSAPrivateKey:
        return rsa_key(self._current)

    def rotate(self) -> None:
        self._current += 1

    def count(self, path: str) -> int:
        return sum(each == path for _, each in self.asked)

    def claims(self, subject: str = "alice", audience: Any = "mcp", scope: str = "", **more: Any) -> dict[str, Any]:
        now = int(time.time())
        found = {"iss": self.issuer, "sub": subject, "aud": audience, "iat": now, "exp": now + self.lifetime}
        found |= {"groups": list(self.groups), "azp": "client"} | ({"scope": scope} if scope else {})
        return {key: value for key, value in (found | more).items() if value is not None}

    def token(self, subject: str = "alice", audience: Any = "mcp", scope: str = "", **more: Any) -> str:
        """A claim that is given as None is left out."""
        return self.sign(self.claims(subject, audience, scope, **more))

    def sign(
        self, claims: Mapping[str, Any], algorithm: str = "RS256", headers: Mapping[str, Any] | None = None
    ) -> str:
        key: Any = ec_key(self._current) if algorithm.startswith("ES") else self.key
        key_id = f"{self.key_id}-ec" if algorithm.startswith("ES") else self.key_id
        return jwt.encode(dict(claims), key, algorithm, {"kid": key_id, **(headers or {})})

    def key_set(self) -> dict[str, Any]:
        made = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        curved = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec_key(self._current).public_key()))
        return {
            "keys": [
                {**made, "kid": self.key_id, "use": "sig", "alg": "RS256"},
                {**curved, "kid": f"{self.key_id}-ec", "use": "sig"},
            ]
        }

    def document(self) -> dict[str, Any]:
        found = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code", "refresh_token", EXCHANGE],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none", *self.takes],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        }
        if self.registers:
            found["registration_endpoint"] = f"{self.issuer}/register"
        return found | self.more

    async def _document(self, request: Request) -> Response:
        return JSONResponse(self.document())

    async def _keys(self, request: Request) -> Response:
        return JSONResponse(self.key_set())

    async def _register(self, request: Request) -> Response:
        if not self.registers:
            return _refused("access_denied", "nobody registers here", 403)
        client_id = secrets.token_hex(8)
        self.clients[client_id] = {**await request.json(), "client_id": client_id}
        return JSONResponse(self.clients[client_id], 201)

    async def _authorize(self, request: Request) -> Response:
        """Logs in without asking."""
        asked = dict(request.query_params)
        client = self.clients.get(asked.get("client_id", ""))
        if client is None or asked.get("redirect_uri") not in client["redirect_uris"]:
            return _refused("invalid_request", "unknown client or redirect_uri")
        if asked.get("code_challenge_method") != "S256":
            return _refused("invalid_request", "PKCE is needed")
        code = secrets.token_hex(8)
        self._codes[code] = asked
        back = {"code": code, "state": asked.get("state", "")} | ({"iss": self.issuer} if self.names_itself else {})
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        if form.get("grant_type") == EXCHANGE:
            return self._exchanged(form, request.headers.get("authorization", ""))
        return self._redeemed(form)

    def _redeemed(self, form: Mapping[str, str]) -> Response:
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or challenge.decode().rstrip("=") != asked["code_challenge"]:
            return _refused("invalid_grant", "unknown code or wrong verifier")
        if form.get("client_id") != asked["client_id"]:
            return _refused("invalid_grant", "the code is another client's")
        scope = asked.get("scope", "")
        token = self.token(self.user, "mcp", scope, azp=asked["client_id"])
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime, "scope": scope}
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    def _exchanged(self, form: Mapping[str, str], authorization: str) -> Response:
        if authorization and "client_secret_basic" not in self.takes:
            return _refused("invalid_client", "no client authentication that is taken", 401)
        in_body = f"{form.get('client_id', '')}:{form.get('client_secret', '')}"
        pair = base64.b64decode(authorization.removeprefix("Basic ")).decode() if authorization else in_body
        client, _, secret = pair.partition(":")
        if not secret or self.confidential.get(client) != secret:
            return _refused("invalid_client", "Invalid client or Invalid client credentials", 401)
        if form.get("audience") not in self.exchangeable:
            return _refused("invalid_request", f"Requested audience not available: {form.get('audience')}")
        try:
            subject = jwt.decode(
                form.get("subject_token", ""), self.key.public_key(), ["RS256"], options={"verify_aud": False}
            )
        except jwt.PyJWTError:
            return _refused("invalid_request", "Invalid token")
        token = self.token(
            subject["sub"], form["audience"], form.get("scope", ""), groups=subject.get("groups"), azp=client
        )
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": self.lifetime})

    @asynccontextmanager
    async def served(self, tls: ServerTLS | None = None, path: str = "") -> AsyncIterator["Provider"]:
        """On a port of this machine; with a path the issuer has one, as realms do."""
        routes = [
            Route(f"{path}/.well-known/openid-configuration", self._document),
            Route(f"{path}/keys", self._keys),
            Route(f"{path}/register", self._register, methods=["POST"]),
            Route(f"{path}/authorize", self._authorize),
            Route(f"{path}/token", self._token, methods=["POST"]),
        ]
        application = Starlette(routes=routes)

        async def counted(scope: Any, receive: Any, send: Any) -> None:
            self.asked.append((scope["method"], scope["path"].removeprefix(path)))
            if self.failing:
                await Response(status_code=500)(scope, receive, send)
            else:
                await application(scope, receive, send)

        async with listening.listen_application(counted, tls=tls) as listener:
            self.issuer = f"{listener.url}{path}"
            yield self


def _refused(error: str, description: str, status: int = 400) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status)


def forged(claims: Mapping[str, Any], headers: Mapping[str, Any], signature: bytes = b"") -> str:
    """A token of any header, without anybody's help."""
    parts = [_encoded(json.dumps(each).encode()) for each in (headers, claims)]
    return ".".join((*parts, _encoded(signature)))


def hmac_with_public_key(provider: Provider, claims: Mapping[str, Any]) -> str:
    """HS256, with the public RSA key as the secret: what a verifier believes that lets a token choose."""
    pem = provider.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    unsigned = forged(claims, {"alg": "HS256", "typ": "JWT", "kid": provider.key_id}).rstrip(".")
    import hmac

    return f"{unsigned}.{_encoded(hmac.digest(pem, unsigned.encode(), 'sha256'))}"


def bad_tokens(provider: Provider, audience: str = "mcp") -> Iterable[tuple[str, str]]:
    """What must be refused with `invalid_token`, each by its name."""
    claims, now = provider.claims(audience=audience), int(time.time())
    yield "another audience", provider.token(audience="other")
    yield "another issuer", provider.token(audience=audience, iss="https://evil.example")
    yield "expired", provider.token(audience=audience, exp=now - 3600)
    yield "not yet valid", provider.token(audience=audience, nbf=now + 3600)
    yield "no expiry", provider.token(audience=audience, exp=None)
    yield "alg none", forged(claims, {"alg": "none", "typ": "JWT", "kid": provider.key_id})
    yield "alg None", forged(claims, {"alg": "None", "typ": "JWT", "kid": provider.key_id})
    yield "HS256 with the RSA key", hmac_with_public_key(provider, claims)
    yield "another key of that id", jwt.encode(claims, rsa_key(1000), "RS256", {"kid": provider.key_id})
    yield "an unknown key", jwt.encode(claims, rsa_key(1000), "RS256", {"kid": "unknown"})
    yield "cut off", provider.token(audience=audience)[:-20]
    yield "opaque", "2YotnFZFEjr1zCsicMWpAA"
    yield "a refresh token", provider.token(audience=audience, typ="Refresh")


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
