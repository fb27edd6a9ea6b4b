"""The translation service: identify the language, choose the way, call the engines of this server, text by text.

Each text is a call of its own, and all calls of a batch are under way at once: an engine's dynamic batcher puts them
together again, and a text that cannot be translated is the error of its request alone.
"""

import asyncio
import itertools
import json
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import triton_python_backend_utils as pb_utils

UNDETERMINED = "und"
"""What ISO 639-2 calls a language that cannot be told."""


class TritonPythonModel:
    """Translates every text of a Triton batch, which may hold the texts of several requests."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the settings from config.pbtxt: which model identifies, and which engines have which pairs of languages."""
        parameters = json.loads(args["model_config"])["parameters"]
        settings = {key: value["string_value"] for key, value in parameters.items()}
        self.identifier = settings["identifier"]
        self.pairs: dict[str, set[tuple[str, str]]] = {}  # of each engine, in order of preference
        for number in itertools.count(1):
            name = settings.get(f"engine_{number}") or settings.get(f"engine_{number}_where_loaded")
            if name is None:
                break
            self.pairs[name] = {tuple(pair.split("-")) for pair in settings.get(f"engine_{number}_pairs", "").split()}
        self.calls = int(settings["concurrent_calls"])
        self.loop: asyncio.AbstractEventLoop | None = None

    async def execute(self, requests: list) -> list:
        """Answer all requests of a batch; a request with a text that cannot be translated gets its own error."""
        errors: dict[int, Exception] = {}
        rows = []
        for number, request in enumerate(requests):
            try:
                rows += [(number, *row) for row in _rows(request)]
            except ValueError as error:
                errors[number] = error
        found = await self.translate([row for _, *row in rows])
        answers: list[list[tuple[str, str, str]]] = [[] for _ in requests]
        for (number, *_), answer in zip(rows, found):
            if isinstance(answer, Exception):
                errors.setdefault(number, answer)
            else:
                answers[number].append(answer)
        return [
            pb_utils.InferenceResponse(error=_triton_error(errors[number]))
            if number in errors
            else pb_utils.InferenceResponse(
                [
                    pb_utils.Tensor(name, np.array(column, object).reshape(-1, 1))
                    for name, column in zip(("translation", "source_language", "route"), zip(*answered))
                ]
            )
            for number, answered in enumerate(answers)
        ]

    async def translate(self, rows: list) -> list[tuple[str, str, str] | Exception]:
        """Translation, source language and route, or what went wrong, for rows of text, target and source (or "")."""
        if self.loop is not (loop := asyncio.get_running_loop()):  # by default, few calls are under way at once
            loop.set_default_executor(ThreadPoolExecutor(self.calls))
            self.loop = loop
        try:
            sources = await self.identify([text for text, _, source in rows if not source])
        except RuntimeError as error:
            return [error] * len(rows)
        ready = [name for name in self.pairs if pb_utils.is_model_ready(name) and await self.has_pairs(name)]
        told = iter(sources)
        languages = [(source, 1.0) if source else next(told) for _, _, source in rows]
        calls = [self.one(text, *language, target, ready) for (text, target, _), language in zip(rows, languages)]
        return await asyncio.gather(*calls, return_exceptions=True)

    async def has_pairs(self, engine: str) -> bool:
        """Whether it is known what an engine translates: config.pbtxt says so, or the engine itself once it answers."""
        if not self.pairs[engine]:
            names = ("source_languages", "target_languages")
            try:
                sources, targets = await _ask(engine, names, text=[""], source_language=[""], target_language=[""])
            except RuntimeError as error:
                pb_utils.Logger.log_warn(f"translate does without {engine}: {error}")
                return False
            self.pairs[engine] = {(source.decode(), target.decode()) for source in sources for target in targets}
        return True

    async def identify(self, texts: list[str]) -> list[tuple[str, float]]:
        """Language and score of each text, in one call."""
        if not texts:
            return []
        languages, scores = await _ask(self.identifier, ("language", "score"), text=texts)
        return [(language.decode(), float(score)) for language, score in zip(languages, scores)]

    async def one(self, text: str, source: str, score: float, target: str, ready: list[str]) -> tuple[str, str, str]:
        """Translation, source language and route of one text.

        Raises:
            ValueError: there is no way from its language into the target; says which ways there are.
            RuntimeError: an engine could not translate it.
        """
        if source in (target, UNDETERMINED):
            return text, source, ""
        legs = self.way(source, target, ready)
        if legs is None:
            pairs = sorted({"-".join(pair) for name in ready for pair in self.pairs[name]})
            told = source if score == 1 else f"{source} (which the text was taken for with a score of {score:.2f})"
            into = sorted({end for name in ready for start, end in self.pairs[name] if start == source})
            known = ", ".join(pairs) if len(pairs) <= 30 else f"from there {' '.join(into) or 'nothing'}"
            missing = [name for name in self.pairs if name not in ready]
            raise ValueError(
                f"no way from {told} into {target}: the engines loaded have {known or 'no pair'}"
                + f"; not loaded: {', '.join(missing)}" * bool(missing)
            )
        for engine, start, end in legs:
            ((text,),) = await _ask(engine, ("translation",), text=[text], source_language=[start], target_language=[end])
            text = text.decode()
        return text, source, ", ".join(f"{start}-{end} by {engine}" for engine, start, end in legs)

    def way(self, source: str, target: str, ready: list[str]) -> list[tuple[str, str, str]] | None:
        """Engine, source and target of each leg: the first engine with the pair, or two pairs with a language between."""
        direct = next((name for name in ready if (source, target) in self.pairs[name]), None)
        if direct:
            return [(direct, source, target)]
        pairs = {pair: name for name in reversed(ready) for pair in self.pairs[name]}
        for start, pivot in sorted(pairs):
            if start == source and (pivot, target) in pairs:
                return [(pairs[source, pivot], source, pivot), (pairs[pivot, target], pivot, target)]
        return None


async def _ask(model: str, outputs: tuple[str, ...], **texts: list[str]) -> list[np.ndarray]:
    """Outputs of another model of this server, each a value for each text."""
    response = await pb_utils.InferenceRequest(
        model_name=model,
        requested_output_names=list(outputs),
        inputs=[pb_utils.Tensor(name, np.array([[text.encode()] for text in rows], object)) for name, rows in texts.items()],
        preferred_memory=pb_utils.PreferredMemory(pb_utils.TRITONSERVER_MEMORY_CPU),
    ).async_exec()
    if response.has_error():
        raise RuntimeError(f"{model}: {response.error().message()}")
    return [pb_utils.get_output_tensor_by_name(response, output).as_numpy().reshape(-1) for output in outputs]


def _triton_error(error: Exception) -> "pb_utils.TritonError":
    """An error for the client: what is wrong with its request (HTTP 400), or what an engine could not do (500)."""
    code = pb_utils.TritonError.INVALID_ARG if isinstance(error, ValueError) else pb_utils.TritonError.INTERNAL
    return pb_utils.TritonError(str(error), code)


def _rows(request) -> list[tuple[str, str, str]]:
    """Text, target language and source language (or "") of each row of a request.

    Raises:
        ValueError: one of them is not UTF-8, or a language is none.
    """
    columns = []
    for name in ("text", "target_language", "source_language"):
        tensor = pb_utils.get_input_tensor_by_name(request, name)
        try:
            columns.append([] if tensor is None else [value.decode() for value in tensor.as_numpy().reshape(-1)])
        except UnicodeDecodeError as error:
            raise ValueError(f"{name} is not UTF-8 ({error.reason} at byte {error.start})") from error
    texts, targets, sources = columns
    return list(zip(texts, _codes("target_language", targets), _codes("source_language", sources) or [""] * len(texts)))


def _codes(name: str, languages: list[str]) -> list[str]:
    codes = [language.strip().lower() for language in languages]
    for code in codes:
        if not re.fullmatch(r"[\w-]{0,16}", code):  # it is repeated in errors
            raise ValueError(f"{name} {code[:30] + '…' * (len(code) > 30)!r} is no code of a language")
    return codes
