"""`python function.py ADDRESS DIRECTORY`: a composition function, served to real Crossplane by a plain process.

Crossplane asks functions what a composite resource is made of, over gRPC with mutual TLS; in production they are
containers. This one composes a ConfigMap, which needs no provider: its data are the composite's own wishes, so that a
test can see a change arrive. It says that the ConfigMap is ready once it has seen it, not before. `DIRECTORY` holds
tls.crt, tls.key and ca.crt.

The input of a pipeline's step changes that, so that a test can have what goes wrong in the field: `fatal` is a message
to fail with, `ready: false` leaves readiness unsaid and `ready: auto` leaves it to what the objects say of themselves,
as function-auto-ready does, and `compose` names other objects to make instead.

It is run by its path and with `-P`: nothing here may import from this package, whose `crossplane` is not theirs.
"""

import sys
from typing import Any

from crossplane.function import resource, response, runtime
from crossplane.function.proto.v1 import run_function_pb2 as protocol
from crossplane.function.proto.v1 import run_function_pb2_grpc as service

COMPOSED = "settings"
"""The name of the only composed resource within its composite."""


def config_map(composite: dict[str, Any]) -> dict[str, Any]:
    """Into its own or the claim's namespace, under the composite's name; the spec's scalars become its data."""
    spec, metadata = composite["spec"], composite["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": metadata["name"],
            "namespace": metadata.get("namespace") or spec["claimRef"]["namespace"],
        },
        "data": {key: _text(value) for key, value in spec.items() if isinstance(value, str | float)},
    }


def connection(composite: dict[str, Any]) -> dict[str, bytes]:
    """What a client of the composed thing would need to reach it; the password is another for another size."""
    password = f"correct horse {composite['spec'].get('size', '')}"
    return {"endpoint": f"{composite['metadata']['name']}.example.org".encode(), "password": password.encode()}


def _text(value: str | float) -> str:
    """Every number of the protocol is a float."""
    return value if isinstance(value, str) else f"{value:g}"


def _is_ready(wanted: dict[str, Any], observed: Any) -> bool:
    ready = wanted.get("ready", True)
    return _says_so(resource.struct_to_dict(observed.resource)) if ready == "auto" else bool(ready)


def _says_so(seen: dict[str, Any]) -> bool:
    """What is no managed resource and has no status is ready by being there."""
    if "forProvider" not in (seen.get("spec") or {}) and "status" not in seen:
        return True
    found = (seen.get("status") or {}).get("conditions") or ()
    return any((each["type"], each["status"]) == ("Ready", "True") for each in found)


class Composer(service.FunctionRunnerServiceServicer):
    async def RunFunction(  # noqa: N802 - the protocol's name
        self, request: protocol.RunFunctionRequest, _: Any
    ) -> protocol.RunFunctionResponse:
        answer = response.to(request)
        wanted = resource.struct_to_dict(request.input)
        if wanted.get("fatal"):
            response.fatal(answer, wanted["fatal"])
            return answer
        composite = resource.struct_to_dict(request.observed.composite.resource)
        for name, made in (wanted.get("compose") or {COMPOSED: config_map(composite)}).items():
            desired = answer.desired.resources[name]
            resource.update(desired, made)
            if name in request.observed.resources and _is_ready(wanted, request.observed.resources[name]):
                desired.ready = protocol.READY_TRUE
        if "claimRef" in composite.get("spec", {}):  # an operation has no composite
            answer.desired.composite.connection_details.update(connection(composite))
        return answer


def main(address: str, directory: str) -> None:
    runtime.serve(Composer(), address, creds=runtime.load_credentials(directory), insecure=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
