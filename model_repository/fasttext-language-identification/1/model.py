"""Text in, its language and the probability of it out: fastText's lid.176, asked for all texts of a batch in one go.

The model's file lies in this folder (`workshop build` puts it there). What is answered where there is little to tell from:

- nothing, blanks, and texts with fewer letters than `min_letters`: language "und" (undetermined, ISO 639-2) and score 0;
- texts of which the model knows no word and no group of letters, such as "xxxxxxxx": the same. Asked about those, fastText
  says English with a score of 0.12, which is its answer to an empty line;
- several languages: one of them, the score is its share;
- a long text: what its first `max_characters` say;
- bytes that are not UTF-8: an error, for that request alone.
"""

import hashlib
import json
import os
import unicodedata

import fasttext
import numpy as np
import triton_python_backend_utils as pb_utils

UNDETERMINED = ("und", 0.0)
CODES = {
    "als": "gsw",  # Alemannic, as Wikipedia's address has it; in ISO 639 als is Tosk Albanian
    "bh": "bho",  # Wikipedia in bh, now withdrawn for "Bihari languages", is in Bhojpuri
    "eml": "roa",  # withdrawn: Emilian (egl) and Romagnol (rgn) are two languages; roa are the Romance ones
    "sh": "hbs",  # Serbo-Croatian: sh is deprecated
}
"""What ISO 639 has for those of the model's 176 labels that it does not have, or has for another language."""


class TritonPythonModel:
    """Tells the language of every text of a Triton batch, which may hold the texts of several requests."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the settings from config.pbtxt and the model from the version folder."""
        parameters = json.loads(args["model_config"])["parameters"]
        self.max_characters = int(parameters["max_characters"]["string_value"])
        self.min_letters = int(parameters["min_letters"]["string_value"])
        name = parameters["model_file"]["string_value"]
        file = os.path.join(args["model_repository"], args["model_version"], name)
        remedy = "`workshop build fasttext-language-identification` puts it there"
        if not os.path.exists(file):
            raise pb_utils.TritonModelException(f"{name} is missing; {remedy}")
        expected = parameters["sha256"]["string_value"]
        if expected and _sha256(file) != expected:
            raise pb_utils.TritonModelException(f"{name} is not the file whose SHA-256 config.pbtxt names; {remedy}")
        self.model = fasttext.load_model(file)
        self.nothing_known = self.model.predict("")
        pb_utils.Logger.log_info(f"{args['model_name']}: {name} is loaded")

    def execute(self, requests: list) -> list:
        """Answer all requests of a batch; a request with a text that is not UTF-8 gets its own error."""
        errors: dict[int, str] = {}
        texts: list[tuple[int, str]] = []  # of all requests: number of the request, text
        for number, request in enumerate(requests):
            try:
                texts += [(number, text) for text in _texts(request)]
            except ValueError as error:
                errors[number] = str(error)
        pb_utils.Logger.log_verbose(f"{len(texts)} texts of {len(requests)} requests")
        answers: list = [[] for _ in requests]
        for (number, _), answer in zip(texts, self.identify([text for _, text in texts])):
            answers[number].append(answer)
        return [
            pb_utils.InferenceResponse(error=pb_utils.TritonError(errors[number])) if number in errors else _response(answer)
            for number, answer in enumerate(answers)
        ]

    def identify(self, texts: list[str]) -> list[tuple[str, float]]:
        """Code and score of each text, in their order.

        The texts are asked one by one: the call for several at once is broken in fasttext-predict 0.9.2.4, and fastText
        itself goes through them one by one there.
        """
        return [self.identify_one(self.line(text)) for text in texts]

    def line(self, text: str) -> str:
        """A text as the model is asked about it: its beginning, on one line, in small letters, accents composed.

        fastText refuses line breaks and knows words in capital letters, or with accents apart (NFD), badly.
        """
        words = " ".join(text.replace("\0", " ").split())[: self.max_characters]
        return unicodedata.normalize("NFC", words.lower())

    def identify_one(self, line: str) -> tuple[str, float]:
        """Code and score of a line."""
        if sum(map(str.isalpha, line)) < self.min_letters:
            return UNDETERMINED
        answer = self.model.predict(line)
        if answer == self.nothing_known:
            return UNDETERMINED
        ((label,), (score,)) = answer
        code = label.removeprefix("__label__")
        return CODES.get(code, code), min(max(score, 0.0), 1.0)  # the model's arithmetic goes a little beyond 1


def _sha256(file: str) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _response(answers: list[tuple[str, float]]):
    """The response to a request with these codes and scores."""
    languages = np.array([code.encode() for code, _ in answers], np.object_).reshape(-1, 1)
    scores = np.array([score for _, score in answers], np.float32).reshape(-1, 1)
    return pb_utils.InferenceResponse([pb_utils.Tensor("language", languages), pb_utils.Tensor("score", scores)])


def _texts(request) -> list[str]:
    """The texts of a request.

    Raises:
        ValueError: one of them is not UTF-8; which.
    """
    values = pb_utils.get_input_tensor_by_name(request, "text").as_numpy().reshape(-1)
    texts = []
    for number, value in enumerate(values, start=1):
        try:
            texts.append(value.decode())
        except UnicodeDecodeError as error:
            raise ValueError(
                f"text {number} of {len(values)} is not UTF-8 ({error.reason} at byte {error.start})"
            ) from error
    return texts
