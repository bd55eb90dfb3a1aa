"""Token and access reviews, sent to the app cluster and measured."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from fairlead.aggregation.tokens import Create
from fairlead.client.api import Client
from fairlead.machinery import statuses
from fairlead.machinery.paths import Resource
from fairlead.serving.metrics import Metrics

Object = dict[str, Any]

_TOKEN_REVIEWS = Resource("authentication.k8s.io", "v1", "tokenreviews", namespaced=False)
_ACCESS_REVIEWS = Resource("authorization.k8s.io", "v1", "subjectaccessreviews", namespaced=False)


def access_reviews(app: Client, metrics: Metrics) -> Create:
    return _creating(app, _ACCESS_REVIEWS, partial(metrics.reviewed, "authz"))


def token_reviews(app: Client, metrics: Metrics) -> Create:
    return _creating(app, _TOKEN_REVIEWS, partial(metrics.reviewed, "authn"))


def _creating(client: Client, resource: Resource, told: Callable[[str, float], None]) -> Create:
    async def create(review: Object) -> Object:
        code, started = "<error>", time.monotonic()
        try:
            answer = await client.create(resource, review)
            code = "201"
        except statuses.StatusError as error:
            code = str(error.status_code)
            raise
        finally:
            told(code, time.monotonic() - started)
        return answer

    return create
