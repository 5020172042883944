"""OTLP's protobuf messages with their lists of attributes left as bytes, one value per attribute.

Making a Python object for each attribute and another for its value is most of what decoding costs, and most attributes
of a batch are the same few dozen. Left as bytes, which protobuf allows for any message field, each is looked up by its
bytes first and only read when it is new. The definitions are those of opentelemetry-proto, changed on import.
"""

from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

KEY_VALUE = ".opentelemetry.proto.common.v1.KeyValue"
SERVICES = (trace_service_pb2, logs_service_pb2, metrics_service_pb2)


def _pool() -> DescriptorPool:
    pool = DescriptorPool()
    added: set[str] = set()

    def add(file: Any) -> None:
        if file.name in added:
            return
        added.add(file.name)
        for needed in file.dependencies:
            add(needed)
        definition = FileDescriptorProto()
        file.CopyToProto(definition)
        for message in definition.message_type:
            _leave_attributes(message)
        pool.Add(definition)

    for service in SERVICES:
        add(service.DESCRIPTOR)
    return pool


def _leave_attributes(message: Any) -> None:
    for field in message.field:
        if field.name == "attributes" and field.type_name == KEY_VALUE:
            field.type = FieldDescriptorProto.TYPE_BYTES
            field.ClearField("type_name")
    for inner in message.nested_type:
        _leave_attributes(inner)


_POOL = _pool()


def _message(name: str) -> Any:
    return GetMessageClass(_POOL.FindMessageTypeByName(f"opentelemetry.proto.{name}"))


TraceRequest = _message("collector.trace.v1.ExportTraceServiceRequest")
LogsRequest = _message("collector.logs.v1.ExportLogsServiceRequest")
MetricsRequest = _message("collector.metrics.v1.ExportMetricsServiceRequest")
KeyValue = _message("common.v1.KeyValue")
