"""Texts and two languages in, translations out, by Apertium's programs, which are kept running for each direction.

The files `direction.py` and `root.txt` (where Apertium is) lie in this folder; `workshop build` puts them there. A
direction's programs are started by its first text. A text that cannot be translated is answered with an error of its own.
"""

import json
import os
from concurrent.futures import ThreadPoolExecutor

import direction
import numpy as np
import triton_python_backend_utils as pb_utils


class TritonPythonModel:
    """Translates every text of a Triton batch, which may hold the texts of several requests."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the settings from config.pbtxt, and find out which directions there are."""
        parameters = json.loads(args["model_config"])["parameters"]
        timeout = float(parameters["timeout_s"]["string_value"])
        self.max_characters = int(parameters["max_characters"]["string_value"])
        try:
            with open(os.path.join(args["model_repository"], args["model_version"], "root.txt")) as file:
                roots = (file.read().strip(), "/usr")
        except FileNotFoundError:
            raise pb_utils.TritonModelException("root.txt is missing; `workshop build apertium` makes it") from None
        root = next((root for root in roots if direction.modes(root)), None)
        if root is None:
            raise pb_utils.TritonModelException(
                f"Apertium is not in {' nor in '.join(dict.fromkeys(roots))}; `workshop build apertium` brings it"
            )
        self.directions = {
            languages: direction.Direction(root, mode, timeout) for languages, mode in direction.modes(root).items()
        }
        self.pairs = " ".join("-".join(languages) for languages in self.directions)
        pb_utils.Logger.log_info(f"apertium: {self.pairs} in {root}")
        self.workers = ThreadPoolExecutor(len(self.directions))

    def execute(self, requests: list) -> list:
        """Answer all requests of a batch; a request with a text that cannot be translated gets its own error."""
        errors: dict[int, pb_utils.TritonError] = {}
        rows = []
        for number, request in enumerate(requests):
            try:
                rows += [(number, *row) for row in self.rows(request)]
            except ValueError as error:
                errors[number] = pb_utils.TritonError(str(error), pb_utils.TritonError.INVALID_ARG)
        answers = self.translate([(languages, text) for _, languages, text in rows])
        translations: list[list[str]] = [[] for _ in requests]
        for (number, languages, _), answer in zip(rows, answers):
            if isinstance(answer, direction.DirectionError):
                errors.setdefault(number, pb_utils.TritonError(f"{'-'.join(languages)}: {answer}"))
            else:
                translations[number].append(answer)
        return [
            pb_utils.InferenceResponse(error=errors[number])
            if number in errors
            else pb_utils.InferenceResponse([pb_utils.Tensor("translation", np.array(found, object).reshape(-1, 1))])
            for number, found in enumerate(translations)
        ]

    def rows(self, request) -> list[tuple[tuple[str, str], str]]:
        """A request's texts, each with its direction.

        Raises:
            ValueError: one of them cannot be translated.
        """
        columns = [_strings(request, name) for name in ("source_language", "target_language", "text")]
        for source, target, text in zip(*columns):
            if (source, target) not in self.directions:
                raise ValueError(f"apertium does not translate from {source!r} into {target!r}; it has {self.pairs}")
            if len(text) > self.max_characters:
                raise ValueError(f"the text has {len(text)} characters; {self.max_characters} are the most at once")
        return [((source, target), text) for source, target, text in zip(*columns)]

    def translate(self, texts: list[tuple[tuple[str, str], str]]) -> list[str | direction.DirectionError]:
        """Translations, or errors, in the order of the texts. Directions work side by side."""
        numbers: dict[tuple[str, str], list[int]] = {}
        for number, (languages, _) in enumerate(texts):
            numbers.setdefault(languages, []).append(number)
        answers: list = [None] * len(texts)
        translated = self.workers.map(
            lambda languages: self.directions[languages].translate([texts[number][1] for number in numbers[languages]]),
            numbers,
        )
        for found, answered in zip(numbers.values(), translated):
            for number, answer in zip(found, answered):
                answers[number] = answer
        return answers

    def finalize(self) -> None:
        """End the programs of all directions."""
        self.workers.shutdown()
        for running in self.directions.values():
            running.close()


def _strings(request, name: str) -> list[str]:
    values = pb_utils.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)
    try:
        return [value.decode() for value in values]
    except UnicodeDecodeError as error:
        raise ValueError(f"{name} is not UTF-8 ({error.reason} at byte {error.start})") from error
