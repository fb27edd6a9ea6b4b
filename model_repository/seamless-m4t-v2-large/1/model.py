"""Texts in, translations out, by one encoder and decoder of transformers: SeamlessM4T v2, NLLB, M2M100 or Marian.

The texts of all requests that wait are translated together: those of one target language in calls of similar length.
"""

import json
import os
import re
from importlib.util import find_spec

import numpy as np
import triton_python_backend_utils as pb_utils

ISO_639 = """
af-afr am-amh ar-arb ar-ara as-asm ay-ayr az-azj az-aze be-bel bg-bul bm-bam bn-ben bo-bod bs-bos ca-cat cs-ces cy-cym
da-dan de-deu dz-dzo ee-ewe el-ell en-eng eo-epo es-spa et-est et-ekk eu-eus fa-pes fa-fas ff-fuv fi-fin fj-fij fo-fao
fr-fra ga-gle gd-gla gl-glg gn-grn gu-guj ha-hau he-heb hi-hin hr-hrv ht-hat hu-hun hy-hye id-ind ig-ibo is-isl it-ita
ja-jpn jv-jav ka-kat kg-kon ki-kik kk-kaz km-khm kn-kan ko-kor ks-kas ku-kmr ku-kur ky-kir la-lat lb-ltz lg-lug li-lim
ln-lin lo-lao lt-lit lv-lvs lv-lav mg-plt mg-mlg mi-mri mk-mkd ml-mal mn-khk mn-mon mr-mar ms-zsm ms-zlm ms-msa mt-mlt
my-mya no-nob nb-nob ne-npi ne-nep nl-nld nn-nno no-nor ny-nya oc-oci om-gaz om-orm or-ory or-ori pa-pan pl-pol ps-pbt
ps-pus pt-por qu-quy qu-que rn-run ro-ron ru-rus rw-kin sa-san sc-srd sd-snd sg-sag si-sin sk-slk sl-slv sm-smo sn-sna
so-som sq-als sq-sqi sr-srp ss-ssw st-sot su-sun sv-swe sw-swh sw-swa ta-tam te-tel tg-tgk th-tha ti-tir tk-tuk tl-tgl
tn-tsn tr-tur ts-tso tt-tat tw-twi ug-uig uk-ukr ur-urd uz-uzn uz-uzb vi-vie wo-wol xh-xho yi-ydd yi-yid yo-yor zh-cmn
zh-zho zu-zul
"""
THREE_LETTERS = re.findall(r"(\w\w)-(\w\w\w)", ISO_639)
"""Codes of ISO 639-1 and what they are in ISO 639-3, with the single languages that models have for a whole group."""


class TritonPythonModel:
    """Translates every text of a Triton batch, which may hold the texts of several requests."""

    def initialize(self, args: dict[str, str]) -> None:
        """Read the settings from config.pbtxt, and load the model that they name onto the instance's device."""
        parameters = json.loads(args["model_config"])["parameters"]
        self.settings = {key: value["string_value"] for key, value in parameters.items()}
        self.tokens_per_call = int(self.settings["tokens_per_call"])
        self.download = self.settings["download"] == "true"
        place = self.find(self.settings["model"], args["model_repository"])

        import torch  # after the weights were found: seconds that a model without any need not take
        import transformers

        gpu = args["model_instance_kind"] == "GPU" and torch.cuda.is_available()
        self.device = torch.device("cuda", int(args["model_instance_device_id"])) if gpu else torch.device("cpu")
        dtype = getattr(torch, self.settings["dtype_on_gpu" if gpu else "dtype_on_cpu"])
        try:
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(place, local_files_only=not self.download)
            self.model = transformers.AutoModelForSeq2SeqLM.from_pretrained(
                place, local_files_only=not self.download, dtype=dtype
            )
        except Exception as error:  # whatever the library meets in files that are not those of a model
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:400]
            if find_spec("sentencepiece") is None:
                reason += " (its tokenizer may want the package sentencepiece, which this environment lacks)"
            raise pb_utils.TritonModelException(f"{self.settings['model']} cannot be loaded: {reason}") from error
        self.model.to(self.device).eval()
        self.torch = torch
        self.sources, self.targets = languages(self.tokenizer, self.model)
        limits = (self.tokenizer.model_max_length, getattr(self.model.config, "max_position_embeddings", None))
        self.longest = min(limit for limit in limits if limit)
        counts = [len(set(known.values())) for known in (self.sources, self.targets)]
        name = type(self.model).__name__
        pb_utils.Logger.log_info(f"{name} in {dtype} on {self.device}, from {counts[0]} languages into {counts[1]}")

    def find(self, model: str, folder: str) -> str:
        """Where the model's files are: a folder, or the Hugging Face id where they may be fetched.

        Raises:
            TritonModelException: they are not on this machine; the message says what brings them.
        """
        for path in (model, os.path.join(folder, model)):
            if os.path.isdir(path):
                return path
        if self.download:
            os.environ["HF_HUB_OFFLINE"] = "0"
            return model
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError

        try:
            cached = try_to_load_from_cache(model, "config.json")
        except HFValidationError:
            raise pb_utils.TritonModelException(f"parameter `model`: there is no folder {model}") from None
        if not isinstance(cached, str):
            raise pb_utils.TritonModelException(
                f"the weights of {model} are not on this machine: `hf download {model}` fetches them, or the parameter "
                "`model` of config.pbtxt names a folder that has others"
            )
        return os.path.dirname(cached)

    def execute(self, requests: list) -> list:
        """Answer all requests of a batch; a request with a text that cannot be translated gets its own error."""
        errors: dict[int, str] = {}
        texts: list[tuple] = []  # of all requests: request, text, code of its language, code of the target language
        for number, request in enumerate(requests):
            if "translation" not in request.requested_output_names():
                continue
            try:
                texts += [(number, *text) for text in self.texts(request)]
            except ValueError as error:
                errors[number] = str(error)
        texts = [text for text in texts if text[0] not in errors]
        translations: list = [""] * len(texts)
        for target in dict.fromkeys(text[3] for text in texts):
            rows = [row for row, text in enumerate(texts) if text[3] == target and text[1].strip()]
            ids = self.tokens([texts[row] for row in rows])
            for row, tokens in zip(rows, ids):
                if len(tokens) > self.longest:
                    errors[texts[row][0]] = f"a text has {len(tokens)} tokens; this model reads {self.longest} at most"
            for call in self.calls([len(tokens) for tokens in ids]):
                try:
                    call = [place for place in call if texts[rows[place]][0] not in errors]
                    found = self.generate([ids[place] for place in call], target) if call else []
                except Exception as error:  # whatever one call meets, such as too little memory, the others are answered
                    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                    errors |= {texts[rows[place]][0]: f"the translation failed: {reason}" for place in call}
                    continue
                for place, translation in zip(call, found):
                    translations[rows[place]] = translation
        found = [[] for _ in requests]
        for (number, *_), translation in zip(texts, translations):
            found[number].append(translation)
        return [
            pb_utils.InferenceResponse(error=pb_utils.TritonError(errors[number]))
            if number in errors
            else self.answer(request, found[number])
            for number, request in enumerate(requests)
        ]

    def texts(self, request) -> list[tuple[str, str, str]]:
        """The texts of a request, each with the model's codes of the languages from and into which it is translated.

        Raises:
            ValueError: a text is not UTF-8, or the model does not have a language.
        """
        names = ("text", "source_language", "target_language")
        try:
            columns = [[value.decode() for value in _values(request, name)] for name in names]
        except UnicodeDecodeError as error:
            raise ValueError(f"the request is not UTF-8 ({error.reason} at byte {error.start})") from None
        for name, column, known in zip(names[1:], columns[1:], (self.sources, self.targets)):
            for language in column:
                if language not in known:
                    raise ValueError(f"{name} {language!r} is none of this model's: {', '.join(listed(known))}")
        return [(text, self.sources[source], self.targets[target]) for text, source, target in zip(*columns)]

    def tokens(self, texts: list[tuple]) -> list[list[int]]:
        """The tokens of texts as the encoder reads them, in their order. The tokenizer is told the language of each."""
        ids: list = [None] * len(texts)
        for source in dict.fromkeys(text[2] for text in texts):
            rows = [row for row, text in enumerate(texts) if text[2] == source]
            if hasattr(self.tokenizer, "src_lang"):
                self.tokenizer.src_lang = source
            # A Marian model with several targets is told which one in the text.
            named = [f"{texts[row][3]} " if texts[row][3].startswith(">>") else "" for row in rows]
            found = self.tokenizer([name + texts[row][1] for name, row in zip(named, rows)], padding=False)
            for row, tokens in zip(rows, found["input_ids"]):
                ids[row] = tokens
        return ids

    def calls(self, lengths: list[int]) -> list[list[int]]:
        """Which texts share a call: places of texts, the longest first, at most `tokens_per_call` tokens or one text."""
        calls: list[list[int]] = []
        for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
            if calls and (len(calls[-1]) + 1) * lengths[calls[-1][0]] <= self.tokens_per_call:
                calls[-1].append(place)
            else:
                calls.append([place])
        return calls

    def generate(self, ids: list[list[int]], target: str) -> list[str]:
        """Translations of texts into one language, decoded together."""
        inputs = self.tokenizer.pad({"input_ids": ids}, padding=True, return_tensors="pt").to(self.device)
        options = {"max_new_tokens": int(self.settings["max_new_tokens"]), "num_beams": int(self.settings["num_beams"])}
        before = 2  # the start, and the token of the target language
        if hasattr(self.model.generation_config, "text_decoder_lang_to_code_id"):
            options["tgt_lang"] = target
        elif self.model.config.model_type == "marian":
            before = 1
        else:
            options["forced_bos_token_id"] = token_of(self.tokenizer, target)
        with self.torch.inference_mode():
            found = self.model.generate(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"], **options)
        return self.tokenizer.batch_decode(found[:, before:], skip_special_tokens=True)

    def answer(self, request, translations: list[str]):
        """The response to a request: those outputs that it asked for."""
        asked = request.requested_output_names()
        tensors = []
        if "translation" in asked:
            tensors.append(_strings("translation", [[translation] for translation in translations]))
        for name, known in (("source_languages", self.sources), ("target_languages", self.targets)):
            if name in asked:
                tensors.append(_strings(name, [listed(known)] * len(_values(request, "text"))))
        return pb_utils.InferenceResponse(tensors)


def languages(tokenizer, model) -> tuple[dict[str, str], dict[str, str]]:
    """The languages from and into which a model translates: codes of ISO 639 and its own, each with its own."""
    if model.config.model_type == "marian":
        several = getattr(tokenizer, "supported_language_codes", [])
        pair = [getattr(tokenizer, name, None) or tokenizer.init_kwargs.get(name) for name in ("source_lang", "target_lang")]
        if not all(pair):
            raise pb_utils.TritonModelException(
                "the Marian model's tokenizer_config.json has no source_lang and target_lang"
            )
        return with_iso([pair[0]]), with_iso(several or [pair[1]])
    lang_to_code = getattr(model.generation_config, "text_decoder_lang_to_code_id", None)
    if lang_to_code:
        return with_iso([code for code in lang_to_code if f"__{code}__" in tokenizer.get_vocab()]), with_iso(lang_to_code)
    own = getattr(tokenizer, "lang_code_to_id", None)
    if not own:
        own = sorted(token for token in tokenizer.get_added_vocab() if re.fullmatch(r"[a-z]{2,3}_[A-Z][A-Za-z]{1,3}", token))
    if not own:
        raise pb_utils.TritonModelException(f"{type(tokenizer).__name__} has no languages that are known here")
    return with_iso(own), with_iso(own)


def with_iso(own) -> dict[str, str]:
    """A model's own codes by themselves and by what they are in ISO 639; of several scripts the first is the language's."""
    known = {}
    for code in own:
        language = re.split(r"[_\W]", code.strip("><"))[0]
        for iso in [two for two, three in THREE_LETTERS if three == language] or [language]:
            known.setdefault(iso, code)
        known.setdefault(language, code)
    return known | {code.strip("><"): code for code in own}


def listed(known: dict[str, str]) -> list[str]:
    """The codes to show, sorted: one for each language, in two letters where ISO 639 has them."""
    shown: dict[str, str] = {}
    for code, own in known.items():
        if own not in shown or len(code) < len(shown[own]):
            shown[own] = code
    return sorted(shown.values())


def token_of(tokenizer, code: str) -> int:
    """The token that a translation into a language begins with."""
    return tokenizer.get_lang_id(code) if hasattr(tokenizer, "get_lang_id") else tokenizer.convert_tokens_to_ids(code)


def _values(request, name: str) -> np.ndarray:
    return pb_utils.get_input_tensor_by_name(request, name).as_numpy().reshape(-1)


def _strings(name: str, rows: list[list[str]]):
    """A string tensor of these rows."""
    return pb_utils.Tensor(name, np.array([[value.encode() for value in row] for row in rows], np.object_))
