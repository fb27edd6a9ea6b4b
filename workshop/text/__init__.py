"""What the lessons on text share: the sentence transformer's files and the vectors that the server makes of texts."""

from workshop.text.embedding import embed
from workshop.text.pretrained import sentence_model

__all__ = ["embed", "sentence_model"]
