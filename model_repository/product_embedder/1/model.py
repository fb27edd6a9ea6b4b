"""Ids of products in, embeddings out: sample their neighbourhoods in ArangoDB, read features there, call the network.

Nothing is kept between two calls, so what was written to the store a moment ago is found. A product's sample depends on the
store's content and the seed alone: its neighbours are put in the order of the SHA-1 of seed, product and neighbour, and
the first ones are taken.
"""

import base64
import json
import os
import urllib.error
import urllib.request

import numpy as np
import triton_python_backend_utils as pb_utils

NEIGHBORS = """
FOR key IN @keys
  LET id = CONCAT(@products, "/", key)
  LET partners = UNION_DISTINCT(
    (FOR pair IN @@co_purchases FILTER pair._from == id RETURN PARSE_KEY(pair._to)),
    (FOR pair IN @@co_purchases FILTER pair._to == id RETURN PARSE_KEY(pair._from))
  )
  RETURN (
    FOR partner IN partners
      FILTER partner != key
      SORT SHA1(CONCAT(@seed, "/", key, "/", partner))
      LIMIT @fan_out
      RETURN partner
  )
"""
FEATURES = """
FOR key IN @keys
  LET product = DOCUMENT(@products, key)
  RETURN product == null ? null : { features: product.features }
"""
TIMEOUT = 60
"""Seconds that ArangoDB may take to answer a query."""


class StoreError(Exception):
    """ArangoDB does not answer, or refuses a query."""


class TritonPythonModel:
    """Embeds every product of a Triton batch, which may hold the products of several requests."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the settings from config.pbtxt."""
        parameters = json.loads(args["model_config"])["parameters"]
        settings = {name: parameter["string_value"] for name, parameter in parameters.items()}
        self.network, self.seed = settings["network"], settings["seed"]
        self.products, self.co_purchases = settings["products"], settings["co_purchases"]
        self.fan_outs = [int(number) for number in settings["fan_outs"].split(",")]
        if self.fan_outs != sorted(self.fan_outs, reverse=True):
            raise pb_utils.TritonModelException(
                "fan_outs must not grow: a hop takes some of the partners of the hop before it"
            )
        self.feature_count = int(settings["features"])
        pb_utils.Logger.log_info(f"{args['model_name']}: calls {self.network}, reads {self.products} in ArangoDB")

    def execute(self, requests: list) -> list:
        """Answer all requests of a batch; one that asks for an unknown product gets an error that names it."""
        errors: dict[int, str] = {}
        keys: list[tuple[int, str]] = []  # of all requests: number of the request, key of a product
        for number, request in enumerate(requests):
            try:
                keys += [(number, key) for key in _keys(request)]
            except ValueError as error:
                errors[number] = str(error)
        asked = list(dict.fromkeys(key for _, key in keys))
        answers: list = [[] for _ in requests]
        try:
            faults, vectors = self.embed(asked) if asked else ({}, [])
        except (StoreError, RuntimeError) as error:
            errors |= {number: str(error) for number, _ in keys}
        else:
            row = {key: number for number, key in enumerate(asked)}
            for number, key in keys:
                answers[number].append(vectors[row[key]])
            for number, key in dict.fromkeys(keys):
                if key in faults:
                    errors[number] = f"{errors[number]}; {faults[key]}" if number in errors else faults[key]
        return [
            pb_utils.InferenceResponse(error=pb_utils.TritonError(errors[number]))
            if number in errors
            else pb_utils.InferenceResponse([pb_utils.Tensor("embedding", np.array(answer))])
            for number, answer in enumerate(answers)
        ]

    def embed(self, keys: list[str]) -> tuple[dict[str, str], np.ndarray]:
        """What is wrong with some of the products, by key, and embeddings FP32 [len(keys), size] of all others.

        Each layer takes the first partners of each of its target nodes, as many as its fan-out says (algorithm 2 of the
        GraphSAGE paper, https://arxiv.org/abs/1706.02216). So a product's embedding does not depend on what else is asked
        for at the same moment.
        """
        store = Store()
        nodes = {key: position for position, key in enumerate(keys)}
        frontier, ends = keys, [len(nodes)]
        source, target, place = [], [], []
        for fan_out in self.fan_outs:
            values = {"keys": frontier, "products": self.products, "@co_purchases": self.co_purchases}
            drawn = store.query(NEIGHBORS, {**values, "seed": self.seed, "fan_out": fan_out})
            for key, neighbors in zip(frontier, drawn):
                source += [nodes.setdefault(neighbor, len(nodes)) for neighbor in neighbors]
                target += [nodes[key]] * len(neighbors)
                place += range(len(neighbors))
            frontier = list(nodes)[ends[-1] :]
            ends.append(len(nodes))
        features, faults = self.features(store, list(nodes))
        # Neither a pair that a removed product has left behind nor a partner without features has anything to say.
        speaks = np.isfinite(features[:, 0])
        features[~speaks] = 0
        edges, places = np.array([source, target], np.int64).reshape(2, -1), np.array(place, np.int64)
        tensors = [features]
        for hop in reversed(range(len(self.fan_outs))):
            of_layer = speaks[edges[0]] & (edges[1] < ends[hop]) & (places < self.fan_outs[hop])
            tensors += [edges[:, of_layer], np.array([ends[hop + 1], ends[hop]], np.int64)]
        wrong = {key: faults[key] for key in keys if key in faults}
        return wrong, self.infer(tensors)

    def features(self, store: "Store", keys: list[str]) -> tuple[np.ndarray, dict[str, str]]:
        """Features of products, FP32 [len(keys), features], and for those that have none (NaN) the reason."""
        found = store.query(FEATURES, {"keys": keys, "products": self.products})
        features, faults = np.full((len(keys), self.feature_count), np.nan, np.float32), {}
        for number, (key, product) in enumerate(zip(keys, found)):
            if product is None:
                faults[key] = f"there is no product {key!r} in {self.products}"
                continue
            try:
                values = np.array(product["features"], np.float32)
            except (TypeError, ValueError):
                values = np.empty(0, np.float32)
            if values.shape == (self.feature_count,) and np.isfinite(values).all():
                features[number] = values
            else:
                faults[key] = f"product {key!r} has no features: {self.feature_count} numbers are needed"
        return features, faults

    def infer(self, tensors: list[np.ndarray]) -> np.ndarray:
        """The last layer's embeddings, FP32 [targets, size], from the network on this server."""
        response = pb_utils.InferenceRequest(
            model_name=self.network,
            requested_output_names=["output__2"],
            inputs=[pb_utils.Tensor(f"input__{number}", np.ascontiguousarray(t)) for number, t in enumerate(tensors)],
            preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU),
        ).exec()
        if response.has_error():
            raise RuntimeError(f"{self.network}: {response.error().message()}")
        return pb_utils.get_output_tensor_by_name(response, "output__2").as_numpy()


class Store:
    """ArangoDB's HTTP interface, as far as queries go."""

    def __init__(self) -> None:
        """Find the server: the environment names it, or else it is the embedded one, wherever that runs by now."""
        url, database = os.environ.get("ARANGO_URL"), os.environ.get("ARANGO_DB")
        user, password = os.environ.get("ARANGO_USER") or "root", os.environ.get("ARANGO_PASSWORD") or ""
        try:
            from workshop import arango
        except ImportError:  # in the container, where the environment says all
            if not url:
                raise StoreError("ARANGO_URL is not set: it names the ArangoDB that holds the products") from None
            url = url if "://" in url else f"http://{url}"
        else:
            url, database = arango.url(), arango.database_name()
            user, password = arango.server.credentials()
        self.server = url.rstrip("/")
        self.url = f"{self.server}/_db/{database or 'workshop'}/_api/cursor"
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}

    def query(self, query: str, values: dict) -> list:
        """The rows of an AQL query that has one row for each of `values["keys"]`."""
        content = {"query": query, "bindVars": values, "batchSize": max(1, len(values["keys"]))}
        request = urllib.request.Request(self.url, json.dumps(content).encode(), self.headers)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                return json.load(answer)["result"]
        except urllib.error.HTTPError as error:
            try:
                reason = json.load(error)["errorMessage"]
            except (ValueError, KeyError, TypeError):  # something else than ArangoDB
                reason = f"{error.code} {error.reason}"
            raise StoreError(f"ArangoDB refuses the query of the neighbours: {reason}") from error
        except OSError as error:
            raise StoreError(f"no ArangoDB answers at {self.server}: {error}") from error


def _keys(request) -> list[str]:
    """The products of a request.

    Raises:
        ValueError: an id is not UTF-8.
    """
    values = pb_utils.get_input_tensor_by_name(request, "product").as_numpy().reshape(-1)
    try:
        return [value.decode() for value in values]
    except UnicodeDecodeError as error:
        raise ValueError(f"an id of a product is not UTF-8: {error}") from error
