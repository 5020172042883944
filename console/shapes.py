"""The last touch to the OpenAPI document: what operations answer with, so that clients can be generated from it."""

from __future__ import annotations

from typing import Any

from metrics.api import shapes as metrics
from reviews.api import evaluation_shapes as evaluation
from reviews.api import learning_shapes as learning
from reviews.api import quality_shapes as quality
from reviews.api import shapes as reviews

PROBLEM = {
    "description": "Why the call was refused.",
    "content": {"application/problem+json": {"schema": reviews.ref("Problem")}},
}


def _responses() -> dict[str, tuple[str, str]]:
    return reviews.RESPONSES | learning.RESPONSES | quality.RESPONSES | evaluation.RESPONSES | metrics.RESPONSES


def complete(result: dict[str, Any], generator: object, request: object, public: bool) -> dict[str, Any]:
    """A drf-spectacular postprocessing hook. Raises KeyError when an operation that is described here has gone."""
    schemas = result["components"]["schemas"]
    described = reviews.COMPONENTS | learning.COMPONENTS | quality.COMPONENTS | evaluation.COMPONENTS | metrics.COMPONENTS
    taken = sorted(set(schemas) & set(described))
    if taken:
        raise KeyError(f"described twice: {', '.join(taken)}")
    schemas.update(described)
    operations = {
        operation["operationId"]: operation
        for path in result["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict) and "operationId" in operation
    }
    for name, (status, component) in _responses().items():
        for media in operations[name]["responses"][status]["content"].values():  # of JSON lines: of one line
            media["schema"] = reviews.ref(component)
    for operation in operations.values():
        operation["responses"]["default"] = PROBLEM
    return result
