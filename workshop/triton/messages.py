"""What the server says, as a notebook shows it: the same on every machine, and no longer than what teaches."""

import re
from pathlib import Path

from tritonclient.utils import InferenceServerException

from workshop.triton import server


def plain(text: str) -> str:
    """A text without the folders of this machine, and without what `workshop.triton.own` appends to the names of models."""
    return re.sub(r"/\S*/|_[0-9a-f]{4}_\d+\b", "", text)


def said(error: InferenceServerException) -> str:
    """The HTTP status and the first line of the reason of a refusal, without request id and notes."""
    text = re.sub(r"^\[request id: .*?\] ", "", plain(error.message())).split("NOTE:")[0]
    return f"{error.status()}: {text.split(' state: ')[-1].splitlines()[0].strip(' ;')}"


def logged(model: str) -> str:
    """The last error in the server's log that names a model, after what the parser said about its config.pbtxt if it did."""
    running = server.find()
    if server.external() or running is None:
        return "the server was not started here: its log is where it runs, in a container `docker logs` shows it"
    lines = Path(running.log).read_text().splitlines()
    errors = [number for number, line in enumerate(lines) if line.startswith("E") and model in line]
    if not errors:
        return f"the log has no error of {plain(model)}"
    last = errors[-1]
    first = last - 1 if last and lines[last - 1].startswith("[libprotobuf ERROR") else last
    return plain("\n".join(line.split("] ", 1)[-1] for line in lines[first : last + 1]))
