"""Pictures in requests to a model that classifies them, and its best classes out of the answers, in five ways of asking.

HTTP and gRPC carry the same request: a tensor with the pictures, and for the output the number of classes wanted. The
server ranks them then (the classification extension of the protocol) and answers with strings in place of numbers:
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_classification.md
"""

import collections
import contextlib
import dataclasses
import functools
import itertools
import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from http.client import HTTPException
from types import ModuleType
from typing import Any, NamedTuple

import gevent
import numpy as np
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from google.protobuf import json_format
from tritonclient.grpc import model_config_pb2, service_pb2
from tritonclient.utils import InferenceServerException

from workshop import settings
from workshop.errors import WorkshopError, first_line
from workshop.machine import lost
from workshop.triton import server
from workshop.vision.image_models import ImageModel

WAITING = 8
"""Requests that are under way at once when they are asynchronous or go over a stream."""
TIMEOUT = 120.0
"""Seconds that an answer may take."""


class Class(NamedTuple):
    """One class of an answer: the output's number for it as the server writes it, which class it is, and its name or ""."""

    value: str
    index: int
    label: str


@dataclasses.dataclass(frozen=True)
class Batch:
    """The pictures of one request: its number, their names, and the tensor that holds them."""

    number: int
    names: list[str]
    tensor: np.ndarray

    def size(self) -> int:
        """Bytes that the pictures take."""
        return sum(map(len, self.tensor.flat)) if self.tensor.dtype == object else self.tensor.nbytes


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a request: the classes of each of its pictures, or in their place why the server refused it."""

    batch: Batch
    classes: list[list[Class]]
    refusal: str
    seconds: float


def tensors(module: ModuleType, model: ImageModel, batch: Batch, classes: int) -> dict[str, list]:
    """What is sent and what is asked for.

    Args:
        module: `tritonclient.http` or `tritonclient.grpc`: both have the same names for it.
        model: what is asked.
        batch: the pictures.
        classes: how many classes of each picture to report, the best first.
    """
    given = module.InferInput(model.input, list(batch.tensor.shape), model.datatype)
    given.set_data_from_numpy(batch.tensor)
    return {"inputs": [given], "outputs": [module.InferRequestedOutput(model.output, class_count=classes)]}


def best(answer: httpclient.InferResult | grpcclient.InferResult, model: ImageModel, pictures: int) -> list[list[Class]]:
    """The classes of each picture, the best first.

    With `class_count` the output is BYTES [pictures, classes], each "value:index" or "value:index:label". It is
    BYTES [classes] where the model's configuration has no batch dimension.
    """
    return [
        [_class(text.decode(errors="replace")) for text in row]
        for row in answer.as_numpy(model.output).reshape(pictures, -1)
    ]


def _class(text: str) -> Class:
    value, index, *label = text.split(":", 2)
    return Class(value, int(index), "".join(label))


def batches(pictures: Iterable[tuple[str, np.ndarray]], size: int, model: ImageModel) -> Iterator[Batch]:
    """Pictures gathered into requests of `size`, in their order; the last one holds what is left.

    Pictures of different shapes, of a model that takes any, do not fit one tensor: the next shape begins another request.
    """
    names: list[str] = []
    held: list[np.ndarray] = []
    numbers = itertools.count(1)
    for name, picture in pictures:
        if held and held[0].shape != picture.shape:
            yield Batch(next(numbers), names, _together(held, model))
            names, held = [], []
        names.append(name)
        held.append(picture)
        if len(held) == size:
            yield Batch(next(numbers), names, _together(held, model))
            names, held = [], []
    if held:
        yield Batch(next(numbers), names, _together(held, model))


def _together(pictures: list[np.ndarray], model: ImageModel) -> np.ndarray:
    return np.stack(pictures) if model.leading else pictures[0]


class Connection:
    """One server, asked over HTTP or gRPC. HTTP clients are not thread-safe, so neither is it."""

    def __init__(self, protocol: str, url: str | None = None) -> None:
        """Make a client; nobody is asked yet.

        Args:
            protocol: HTTP or gRPC.
            url: host:port, with or without http:// or grpc://; without it the course's own server or the one that
                TRITON_URL or TRITON_GRPC_URL names.

        Raises:
            WorkshopError: the url is none; or none is given, and the course's own server does not run.
        """
        self.protocol, self.ours = protocol, url is None and not server.external()
        if self.ours and server.find() is None:
            raise lost.server(server.NAME)  # whatever listens at its ports is another's
        self.per_call: dict[str, float] = {}
        if protocol == "HTTP":
            self.url = server.host_and_port(url, "--url", 8000) if url is not None else server.http_url()
            patience = {"connection_timeout": TIMEOUT, "network_timeout": TIMEOUT}
            self.module: ModuleType = httpclient
            self.client: Any = httpclient.InferenceServerClient(self.url, concurrency=WAITING, **patience)
        else:
            self.url = server.host_and_port(url, "--url", 8001) if url is not None else server.grpc_url()
            self.module, self.client = grpcclient, grpcclient.InferenceServerClient(self.url)
            self.per_call["client_timeout"] = TIMEOUT

    @contextlib.contextmanager
    def answering(self) -> Iterator[None]:
        """Calls of the client. That no server answers becomes one line; what a server refuses stays as it is.

        Raises:
            WorkshopError: no server answers; what became of it and what to do.
            InferenceServerException: the server refused.
        """
        try:
            yield
        except (InferenceServerException, OSError, HTTPException) as error:
            if not is_lost(error):
                raise
            if self.ours:
                raise lost.server(server.NAME, error) from error
            raise WorkshopError(
                f"no Triton answers at {self.url} over {self.protocol} ({lost.reason(error) or type(error).__name__}); "
                "see whether it runs there, and whether the port is that of the protocol (--protocol HTTP or gRPC)"
            ) from error

    def find(self, name: str, version: str = "") -> tuple[model_config_pb2.ModelConfig, list[str]]:
        """A model's configuration, and the versions that are served.

        Args:
            name: the model's.
            version: a number; empty for the latest one that is served.

        Raises:
            WorkshopError: the server does not serve it; what it serves. Or what answers is no Triton server.
        """
        with self.answering():
            try:
                metadata = self._message(service_pb2.ModelMetadataResponse, self.client.get_model_metadata(name, version))
                answer = self.client.get_model_config(name, version)
                config = self._message(model_config_pb2.ModelConfig, answer) if self.protocol == "HTTP" else answer.config
            except InferenceServerException as error:
                if is_lost(error):
                    raise
                raise self._not_served(name, version) from error
            except (ValueError, json_format.ParseError) as error:  # as from Triton's own port of metrics
                raise self._another(error) from error
        if not config.name:
            raise self._another("the configuration that it gives has no name")
        return config, list(metadata.versions)

    def _another(self, reason: object) -> WorkshopError:
        return WorkshopError(f"what answers at {self.url} is no Triton server: {first_line(reason)}")

    def _not_served(self, name: str, version: str) -> WorkshopError:
        try:
            index = self.client.get_model_repository_index()
        except InferenceServerException as error:
            return WorkshopError(
                f"what answers at {self.url} is no Triton server, or lists no models: {first_line(error.message())}"
            )
        except ValueError as error:
            return self._another(error)
        rows = self._message(service_pb2.RepositoryIndexResponse, {"models": index} if self.protocol == "HTTP" else index)
        here = f"the Triton server at {self.url}"
        if versions := sorted(int(row.version) for row in rows.models if row.name == name and row.state == "READY"):
            return WorkshopError(f"{here} serves no version {version} of {name}, but {', '.join(map(str, versions))}")
        if reason := next(
            (row.reason for row in rows.models if row.name == name and row.reason not in ("", "unloaded")), ""
        ):
            return WorkshopError(f"{here} could not load {name}: {first_line(reason)}")
        served = ", ".join(sorted({row.name for row in rows.models if row.state == "READY"})) or "none"
        ours = bool(name) and (settings.MODEL_REPOSITORY / name).is_dir()
        remedy = f"; `workshop up triton --models {name}` loads it on the course's own server" if ours else ""
        return WorkshopError(f"{here} serves no model {name}; it serves {served}{remedy}")

    def _message(self, kind: type, answer: Any) -> Any:
        """What was answered as the protocol's message: gRPC gives that, HTTP the same as JSON."""
        return json_format.ParseDict(answer, kind(), ignore_unknown_fields=True) if self.protocol == "HTTP" else answer


Answer = Callable[[], httpclient.InferResult | grpcclient.InferResult]
"""Waits for the answer to a request that was sent, and raises what became of it where there is none."""


@contextlib.contextmanager
def sending(
    connection: Connection, way: str, model: ImageModel, *, version: str = "", classes: int = 1
) -> Iterator[Callable[[Batch], Answer]]:
    """A function that sends a request and returns at once, with what waits for the answer.

    Args:
        connection: the server.
        way: `one by one`, `async`, or `stream`, which gRPC alone has.
        model: what is asked.
        version: a number; empty for the latest one.
        classes: how many classes of each picture to report.
    """
    client = connection.client

    def request(batch: Batch) -> dict[str, Any]:
        named = {"model_name": model.name, "model_version": version, "request_id": str(batch.number)}
        return named | tensors(connection.module, model, batch, classes)

    def send(batch: Batch) -> Answer:
        return lambda: client.infer(**request(batch), **connection.per_call)

    def send_async_http(batch: Batch) -> Answer:
        return client.async_infer(**request(batch)).get_result

    def send_async_grpc(batch: Batch) -> Answer:
        future: Future = Future()
        client.async_infer(**request(batch), callback=functools.partial(_settle, future), **connection.per_call)
        return future.result

    under_way: collections.deque[Future] = collections.deque()
    ended: Future = Future()

    def arrived(result: grpcclient.InferResult | None, error: InferenceServerException | None) -> None:
        """An answer or a refusal, which come in the order of the requests, or the end of the stream, which has a status."""
        if error is not None and error.status() is not None:
            _settle(ended, None, error)
            while under_way:
                _settle(under_way.popleft(), None, error)
        else:
            _settle(under_way.popleft(), result, error)

    def send_on_stream(batch: Batch) -> Answer:
        under_way.append(future := Future())
        try:
            client.async_stream_infer(**request(batch))
        except InferenceServerException:  # it says that the stream has ended, not why
            future = ended
        return functools.partial(future.result, TIMEOUT)

    if way == "stream":
        client.start_stream(arrived)
        try:
            yield send_on_stream
        finally:
            client.stop_stream(cancel_requests=True)
    elif way == "async" and connection.protocol == "HTTP":
        # What a request raises comes out of get_result. gevent would print it, too, and may do so as late as at the end.
        gevent.get_hub().exception_stream = None
        yield send_async_http
    elif way == "async":
        yield send_async_grpc
    else:
        yield send


def _settle(future: Future, result: Any, error: Exception | None) -> None:
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


def outcomes(
    connection: Connection,
    batches: Iterable[Batch],
    model: ImageModel,
    *,
    way: str = "one by one",
    version: str = "",
    classes: int = 1,
) -> Iterator[Outcome]:
    """Send requests and read their answers, in the order of the requests.

    Args:
        connection: the server.
        batches: taken one by one, so that no more pictures are in memory than are under way.
        model: what is asked.
        way: as for `sending`.
        version: a number; empty for the latest one.
        classes: how many classes of each picture to report.

    Raises:
        WorkshopError: the server is not there, or not any more.
    """
    ahead = 1 if way == "one by one" else WAITING
    under_way: collections.deque[tuple[Batch, Answer, float]] = collections.deque()
    with sending(connection, way, model, version=version, classes=classes) as send:
        for batch in batches:
            under_way.append((batch, _answer(send, batch), time.monotonic()))
            if len(under_way) == ahead:
                yield _outcome(connection, model, *under_way.popleft())
        while under_way:
            yield _outcome(connection, model, *under_way.popleft())


def _answer(send: Callable[[Batch], Answer], batch: Batch) -> Answer:
    """What waits for an answer, also where sending fails: it is told in its turn."""
    try:
        return send(batch)
    except (InferenceServerException, OSError, HTTPException) as error:
        failed: Future = Future()
        failed.set_exception(error)
        return failed.result


def _outcome(connection: Connection, model: ImageModel, batch: Batch, answer: Answer, sent: float) -> Outcome:
    classes: list[list[Class]] = []
    refusal = ""
    try:
        with connection.answering():
            classes = best(answer(), model, len(batch.names))
    except InferenceServerException as error:
        refusal = re.sub(r"^\[request id: .*?\] ", "", first_line(error.message()))
    return Outcome(batch, classes, refusal, time.monotonic() - sent)


def is_lost(error: BaseException) -> bool:
    """Whether no server answered, as the clients tell it: gRPC's by a status, HTTP's by what sockets and parsers raise."""
    if isinstance(error, InferenceServerException):
        return "DEADLINE_EXCEEDED" in str(error.status()) or lost.is_lost(error)
    return isinstance(error, (OSError, HTTPException))
