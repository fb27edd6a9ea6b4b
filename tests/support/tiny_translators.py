"""Translators with random weights, of the classes that the course serves, and tokenizers made of a few sentences."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (
    GenerationConfig,
    M2M100Config,
    M2M100ForConditionalGeneration,
    M2M100Tokenizer,
    MarianConfig,
    MarianMTModel,
    MarianTokenizer,
    NllbTokenizer,
    PreTrainedTokenizerFast,
    SeamlessM4TTokenizer,
    SeamlessM4Tv2Config,
    SeamlessM4Tv2ForTextToText,
)

SENTENCES = [
    "The house is red.",
    "Where is the railway station?",
    "La casa es roja y el perro duerme.",
    "Der Zug fährt um neun Uhr ab.",
    "Le chat dort sur la table.",
]
SIZES = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 2,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "init_std": 0.6,
    "tie_word_embeddings": False,
}


def _bpe(specials: list[str]) -> tuple[Tokenizer, dict[str, int], list[tuple[str, str]]]:
    """A tokenizer of pairs of characters with these special tokens first; its vocabulary and merges."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(SENTENCES * 5, trainers.BpeTrainer(vocab_size=200, special_tokens=specials))
    model = json.loads(tokenizer.to_str())["model"]
    return tokenizer, model["vocab"], [tuple(merge) for merge in model["merges"]]


def seamless(folder: Path) -> Path:
    """SeamlessM4T v2 for English, French, German and two kinds of Chinese."""
    _, vocab, merges = _bpe(["<pad>", "<unk>", "<s>", "</s>"])
    languages = ["eng", "fra", "cmn", "cmn_Hant", "deu"]
    tokenizer = SeamlessM4TTokenizer(
        vocab=vocab, merges=merges, additional_special_tokens=[f"__{language}__" for language in languages]
    )
    codes = {language: tokenizer.convert_tokens_to_ids(f"__{language}__") for language in languages}
    return _seamless(folder, tokenizer, len(tokenizer), codes)


def _seamless(folder: Path, tokenizer, size: int, codes: dict[str, int], seed: int = 0) -> Path:
    torch.manual_seed(seed)
    config = SeamlessM4Tv2Config(
        vocab_size=size,
        hidden_size=32,
        initializer_range=0.3,
        max_position_embeddings=64,
        **{key: value for key, value in SIZES.items() if key not in ("d_model", "init_std", "tie_word_embeddings")},
    )
    model = SeamlessM4Tv2ForTextToText(config)
    model.generation_config = GenerationConfig(
        pad_token_id=0, bos_token_id=2, eos_token_id=3, decoder_start_token_id=3, text_decoder_lang_to_code_id=codes
    )
    return _save(folder, model, tokenizer)


def nllb(folder: Path) -> Path:
    """NLLB for English, French and German."""
    _, vocab, merges = _bpe(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer = NllbTokenizer(vocab=vocab, merges=merges, extra_special_tokens=["eng_Latn", "fra_Latn", "deu_Latn"])
    torch.manual_seed(1)
    config = M2M100Config(vocab_size=len(tokenizer), decoder_start_token_id=2, max_position_embeddings=64, **SIZES)
    return _save(folder, M2M100ForConditionalGeneration(config), tokenizer)


def marian(folder: Path) -> Path:
    """Marian for the one direction from German into English."""
    tokenizer, vocab, _ = _bpe(["<pad>", "<unk>", "</s>"])
    tokenizer.post_processor = processors.TemplateProcessing(single=["$A", "</s>"], special_tokens=[("</s>", 2)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        unk_token="<unk>",
        eos_token="</s>",
        source_lang="de",
        target_lang="en",
    )
    torch.manual_seed(2)
    config = MarianConfig(
        vocab_size=len(vocab),
        pad_token_id=0,
        eos_token_id=2,
        decoder_start_token_id=0,
        max_position_embeddings=64,
        **{**SIZES, "init_std": 0.3},
    )
    return _save(folder, MarianMTModel(config), tokenizer)


def _pieces(folder: Path, kind: str) -> tuple[Path, list[str]]:
    """A file of SentencePiece and its pieces."""
    import sentencepiece  # not in every environment

    folder.mkdir()
    (folder / "sentences").write_text("\n".join(SENTENCES * 20))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "sentences"),
        model_prefix=str(folder / "pieces"),
        model_type=kind,
        vocab_size=90,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    processor = sentencepiece.SentencePieceProcessor(model_file=str(folder / "pieces.model"))
    return folder / "pieces.model", [processor.id_to_piece(number) for number in range(processor.get_piece_size())]


def seamless_as_published(folder: Path) -> Path:
    """SeamlessM4T v2 with its tokenizer as a file of SentencePiece, as the publisher has it."""
    file, pieces = _pieces(folder.with_name("pieces_of_seamless"), "bpe")
    languages = ["eng", "fra", "cmn", "cmn_Hant", "deu"]
    tokens = {f"__{language}__": len(pieces) + 1 + number for number, language in enumerate(languages)}
    tokenizer = SeamlessM4TTokenizer(additional_special_tokens=list(tokens))
    codes = {name.strip("_"): token for name, token in tokens.items()}
    _seamless(folder, tokenizer, len(pieces) + 1 + len(languages), codes, seed=7)
    (folder / "tokenizer.json").unlink()
    file.rename(folder / "sentencepiece.bpe.model")
    (folder / "added_tokens.json").write_text(json.dumps(tokens))
    decoder = {str(token): {"content": name, "special": True} for name, token in tokens.items()}
    settings = {
        "tokenizer_class": "SeamlessM4TTokenizer",
        "src_lang": "eng",
        "tgt_lang": "fra",
        "added_tokens_decoder": decoder,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "additional_special_tokens": list(tokens)}))
    return folder


def m2m100(folder: Path) -> Path:
    """M2M100 with its 100 languages."""
    file, pieces = _pieces(folder.with_name("pieces_of_m2m100"), "unigram")
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(["<s>", "<pad>", "</s>", "<unk>", *pieces]))}
    (file.parent / "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = M2M100Tokenizer(vocab_file=str(file.parent / "vocab.json"), spm_file=str(file))
    torch.manual_seed(3)
    config = M2M100Config(vocab_size=300, decoder_start_token_id=2, max_position_embeddings=64, **SIZES)
    return _save(folder, M2M100ForConditionalGeneration(config), tokenizer)


def marian_into_several(folder: Path) -> Path:
    """Marian from English into French and Spanish, told by the first token of the text."""
    file, pieces = _pieces(folder.with_name("pieces_of_marian"), "unigram")
    names = dict.fromkeys(["</s>", "<unk>", ">>fra<<", ">>spa<<", *pieces, "<pad>"])
    vocabulary = {piece: number for number, piece in enumerate(names)}
    (file.parent / "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = MarianTokenizer(
        source_spm=str(file),
        target_spm=str(file),
        vocab=str(file.parent / "vocab.json"),
        source_lang="eng",
        target_lang="roa",
    )
    torch.manual_seed(4)
    pad = vocabulary["<pad>"]
    config = MarianConfig(
        vocab_size=len(vocabulary),
        pad_token_id=pad,
        eos_token_id=0,
        decoder_start_token_id=pad,
        max_position_embeddings=64,
        **{**SIZES, "init_std": 0.3},
    )
    return _save(folder, MarianMTModel(config), tokenizer)


def _save(folder: Path, model, tokenizer) -> Path:
    tokenizer.save_pretrained(folder)
    model.eval().save_pretrained(folder)
    return folder
