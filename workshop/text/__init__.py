"""What the lessons on text share: the sentence transformer's files."""

from workshop.text.pretrained import sentence_model

__all__ = ["sentence_model"]
