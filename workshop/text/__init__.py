"""What the lessons on text share: the files of pretrained models, and sentences of many languages."""

from workshop.text.pretrained import sentence_model

__all__ = ["sentence_model"]
