"""At which stage a request failed, and in what words.

aiohttp's exceptions mix stages and carry addresses with their passwords; whoever retries needs the one, and no log may
have the other.
"""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import aiohttp

from fairlead.client.errors import Unreachable, Untrusted

CONNECT_SECONDS = 5.0


@contextmanager
def stages(method: str, where: str, proxy: str = "") -> Iterator[None]:
    """Names the stage at which aiohttp gave up; its own exception stays as the cause."""
    try:
        yield
    except (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError) as error:
        raise Unreachable(
            f"cannot reach {where} through {without_secrets(proxy)}", _proxy_fault(error), "check proxy-url"
        ) from error
    except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError) as error:
        raise Untrusted(
            f"{where} is not trusted", _certificate_fault(error), "check the certificate authority"
        ) from error
    except (aiohttp.ClientConnectorSSLError, aiohttp.ClientSSLError, ssl.SSLError) as error:
        why = getattr(error, "reason", None) or getattr(getattr(error, "os_error", None), "reason", None)
        raise Untrusted(f"no TLS with {where}", _words(why)) from error
    except aiohttp.ConnectionTimeoutError as error:
        raise Unreachable(f"cannot reach {where}", f"no connection within {CONNECT_SECONDS:g} s") from error
    except aiohttp.ClientConnectorError as error:
        why = _system_fault(error.os_error)
        raise Unreachable(f"cannot reach {where}", why, "check the address, and that the server runs") from error
    except TimeoutError as error:
        raise Unreachable(f"{where} did not answer the {method} in time", sent=True) from error
    except (aiohttp.ClientError, ConnectionError) as error:
        why = " ".join(str(error).split())[:200] or type(error).__name__
        raise Unreachable(f"{where} was lost during the {method}", why, sent=True) from error


def without_secrets(url: str) -> str:
    """The address in words, for errors."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _proxy_fault(error: aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered HTTP {error.status}"
    return _system_fault(error.os_error)


def _system_fault(error: OSError) -> str:
    """The system's words: asyncio and the resolver put their own into `strerror`."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def _words(reason: str | None) -> str:
    """OpenSSL's upper-case names as text."""
    return (reason or "the handshake failed").lower().replace("_", " ")


def _certificate_fault(error: Exception) -> str:
    inner = getattr(error, "certificate_error", error)
    return str(getattr(inner, "verify_message", "") or "its certificate cannot be verified")
