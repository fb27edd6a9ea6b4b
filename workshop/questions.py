"""One real question to each application, as `scripts/start.sh` asks them."""

import numpy as np
from rich.console import Console

from workshop.text import embed

TEXT = "The keeper guessed right and the whole stadium held its breath before the last penalty."
LABELS = ("cooking", "finance", "sport", "astronomy")


def ask(console: Console) -> None:
    """Ask and print; each answer comes from the running server."""
    console.print("\nZero-shot classification, answered by sentence_embedder:")
    console.print(f"  {TEXT}")
    vectors = embed([TEXT, *LABELS])
    powers = np.exp(vectors[1:] @ vectors[0] / 0.05)
    for share, label in sorted(zip(powers / powers.sum(), LABELS), reverse=True):
        console.print(f"  {label:<10} {share:6.1%}  {'█' * round(30 * share)}")
