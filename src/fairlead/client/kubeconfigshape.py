"""The shape that a kubeconfig file must have, as far as `kubeconfig` reads it.

People edit these files by hand: with the shape checked once, a number where a text belongs is one line that names the
place, and the reading itself need not doubt its input. Null counts as absent, as in Go.
"""

from typing import Literal

import msgspec

_Text = str | None


class _Cluster(msgspec.Struct, rename="kebab"):
    server: _Text = None
    certificate_authority: _Text = None
    certificate_authority_data: _Text = None
    insecure_skip_tls_verify: bool | None = None
    tls_server_name: _Text = None
    proxy_url: _Text = None
    extensions: list["_Extension"] | None = None


class _Extension(msgspec.Struct):
    name: str


class _Variable(msgspec.Struct):
    name: str
    value: str


class _Exec(msgspec.Struct, rename="camel"):
    api_version: _Text = None
    command: _Text = None
    args: list[str] | None = None
    env: list[_Variable] | None = None
    install_hint: _Text = None
    interactive_mode: Literal["Never", "IfAvailable", "Always", "", None] = None
    provide_cluster_info: bool | None = None


class _AuthProvider(msgspec.Struct):
    name: _Text = None


class _User(msgspec.Struct, rename="kebab"):
    token: _Text = None
    token_file: _Text = msgspec.field(name="tokenFile", default=None)
    username: _Text = None
    password: _Text = None
    client_certificate: _Text = None
    client_certificate_data: _Text = None
    client_key: _Text = None
    client_key_data: _Text = None
    as_: _Text = msgspec.field(name="as", default=None)
    as_uid: _Text = None
    as_groups: list[str] | None = None
    as_user_extra: dict[str, list[str]] | None = None
    exec: _Exec | None = None
    auth_provider: _AuthProvider | None = None


class _Context(msgspec.Struct):
    cluster: _Text = None
    user: _Text = None
    namespace: _Text = None


class _NamedCluster(msgspec.Struct):
    name: str
    cluster: _Cluster | None = None


class _NamedUser(msgspec.Struct):
    name: str
    user: _User | None = None


class _NamedContext(msgspec.Struct):
    name: str
    context: _Context | None = None


class File(msgspec.Struct, rename="kebab"):
    current_context: _Text = None
    clusters: list[_NamedCluster] | None = None
    users: list[_NamedUser] | None = None
    contexts: list[_NamedContext] | None = None
