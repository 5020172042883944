"""The last touch to the OpenAPI document: what operations answer with, so that clients can be generated from it."""

from __future__ import annotations

from typing import Any

from metrics.api import shapes as metrics
from reviews.api import evaluation_shapes, learning_shapes, quality_shapes
from reviews.api import shapes as reviews

DESCRIBED = (metrics, reviews, learning_shapes, quality_shapes, evaluation_shapes)
PROBLEM = {
    "description": "Why the call was refused.",
    "content": {"application/problem+json": {"schema": reviews.ref("Problem")}},
}


def complete(result: dict[str, Any], generator: object, request: object, public: bool) -> dict[str, Any]:
    """A drf-spectacular postprocessing hook. Raises KeyError when an operation that is described here has gone."""
    schemas = result["components"]["schemas"]
    described = {name: schema for shapes in DESCRIBED for name, schema in shapes.COMPONENTS.items()}
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
    for shapes in DESCRIBED:
        for name, (status, component) in shapes.RESPONSES.items():
            for media in operations[name]["responses"][status]["content"].values():  # of JSON lines: of one line
                media["schema"] = reviews.ref(component)
    for operation in operations.values():
        operation["responses"]["default"] = PROBLEM
    return result
