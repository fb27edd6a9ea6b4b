"""One direction of translation: Apertium's programs for it, kept running and connected by pipes.

Apertium translates in steps, each a program of its own that reads the one before (Forcada et al., 2011,
https://doi.org/10.1007/s10590-011-9090-0). Started once for each text, most of the time would go into reading dictionaries.
With the option `-z` each program passes on what it has at a NUL byte and goes on reading (*null flush*), so that one set of
programs serves text after text. Some hold a text back until they see one byte more, and some write a NUL too many: so there
are two behind each text, and which text an answer belongs to is said by a number that travels with it. Needs the standard
library alone: the Python model has a copy of this file in its version folder.
"""

import contextlib
import glob
import os
import re
import selectors
import shlex
import signal
import subprocess
import time
import unicodedata

THREE_TO_TWO = {
    **{"afr": "af", "arg": "an", "bel": "be", "bul": "bg", "cat": "ca", "dan": "da", "eng": "en", "epo": "eo", "eus": "eu"},
    **{"fra": "fr", "glg": "gl", "hin": "hi", "ind": "id", "isl": "is", "ita": "it", "mkd": "mk", "nld": "nl", "nno": "nn"},
    **{"nob": "nb", "nor": "no", "oci": "oc", "pol": "pl", "por": "pt", "ron": "ro", "rus": "ru", "slv": "sl", "spa": "es"},
    **{"srd": "sc", "swe": "sv", "ukr": "uk", "urd": "ur", "zlm": "ms"},
}
"""ISO 639-1 codes of languages that Apertium's packages name by their three letters (ISO 639-3)."""
SPECIAL = re.compile(r"([\[\]{}^$/\\@<>])")
"""Characters that mean something between Apertium's programs, and so stand behind a backslash in a text."""
BLANKS = re.compile(r"[^\S ]\s*|\s{2,}")
"""Blanks other than one space: they travel in brackets, untouched."""
CHUNK = 65536


class DirectionError(Exception):
    """A text could not be translated."""


def modes(root: str) -> dict[tuple[str, str], str]:
    """The directions that are installed.

    Args:
        root: the folder that has `share/apertium/modes`: `/usr`, or the one that packages were unpacked into.

    Returns:
        The file of each direction, by its two languages (ISO 639-1, or 639-3 where a language has no other), sorted.
    """
    found = {}
    for file in glob.glob(os.path.join(root, "share", "apertium", "modes", "*.mode")):
        languages = os.path.basename(file).removesuffix(".mode").split("-")
        if len(languages) == 2 and all(re.fullmatch("[a-z]{2,3}", language) for language in languages):
            source, target = (THREE_TO_TWO.get(language, language) for language in languages)
            found[source, target] = file
    return dict(sorted(found.items()))


def commands(mode: str) -> list[list[str]]:
    """The programs of a direction with their arguments, out of its mode file, which holds a line of shell.

    `$1` there says what is done with unknown words (`-n`: they stay as they are) and `$2` belongs to a tagger's debugging.
    """
    with open(mode) as file:
        steps = file.read().strip().split("|")
    programs = [[word for word in shlex.split(step) if word != "$2"] for step in steps]
    return [[program, "-z", *("-n" if word == "$1" else word for word in words)] for program, *words in programs]


def escape(text: str) -> str:
    """A plain text as Apertium's programs pass it on: what `apertium-destxt` makes of it.

    A text that does not end as a sentence gets a full stop that is taken away again (`.[]`): the programs look for where
    sentences end.
    """
    text = SPECIAL.sub(r"\\\1", unicodedata.normalize("NFC", text).replace("\0", " "))
    ends = "" if text.rstrip().endswith((".", "!", "?", "…")) else ".[]"
    return BLANKS.sub(lambda blanks: f"[{blanks[0]}]", text) + ends


def unescape(text: str) -> str:
    """The plain text of what comes out of the last program: what `apertium-retxt` makes of it."""
    return re.sub(r"\.\[\]|\\(.)|[\[\]]", lambda found: found[1] or "", text, flags=re.DOTALL)


class Direction:
    """The running programs of one direction. They are started by the first text, and again whenever one of them is gone."""

    def __init__(self, root: str, mode: str, timeout: float) -> None:
        """Nothing is started yet.

        Args:
            root: the folder that has `bin`; its libraries count where it is not the system's own.
            mode: the direction's mode file.
            timeout: seconds that a text may take before the programs are ended.
        """
        self.mode, self.timeout = mode, timeout
        self.environment = {**os.environ, "LC_ALL": "C.UTF-8", "PATH": f"{root}/bin:{os.environ.get('PATH', '')}"}
        # The server's libraries are not for these programs.
        self.environment["LD_LIBRARY_PATH"] = "" if root == "/usr" else ":".join(glob.glob(f"{root}/lib/*-linux-gnu*"))
        self.processes: list[subprocess.Popen] = []
        self.sent = 0

    def translate(self, texts: list[str]) -> list[str | DirectionError]:
        """Translations in the order of the texts, and an error in the place of a text that has none.

        All texts are on their way at once: while one program works on a text, the next works on the one before. Where the
        programs die, the text that they were at is tried once more; one that takes too long is not. Where two texts in a row
        take too long, it is not the texts: those behind them are not tried.
        """
        answers: list[str | DirectionError] = []
        tried_again, late = -1, 0
        while len(answers) < len(texts):
            done, fault = self._exchange(texts[len(answers) :])
            answers += done
            if fault is None:
                break
            self.close()
            late = 0 if done else late
            if isinstance(fault, TimeoutError):
                late += 1
                took = f"the translator took more than {self.timeout:g} s"
                if late == 1:
                    answers.append(DirectionError(f"{took} and was ended"))
                else:
                    left = len(texts) - len(answers)
                    answers += [DirectionError(f"{took} twice in a row and was ended") for _ in range(left)]
            elif len(answers) == tried_again:
                answers.append(DirectionError(f"the translator ended: {fault}"))
            else:
                tried_again = len(answers)
        return answers

    def _exchange(self, texts: list[str]) -> tuple[list[str], OSError | None]:
        """What comes back for the texts, as far as it does, and the reason why there is no more."""
        answers: list[str] = []
        try:
            if any(process.poll() is not None for process in self.processes):
                self.close()
            if not self.processes:
                self._start()
            into, out = self.processes[0].stdin.fileno(), self.processes[-1].stdout.fileno()
            ends = [b"[%d]" % number for number in range(self.sent, self.sent + len(texts))]
            self.sent += len(texts)
            unsent = b"".join(escape(text).encode() + end + b"\0\0" for text, end in zip(texts, ends))
            received = b""
            deadline = time.monotonic() + self.timeout
            with selectors.DefaultSelector() as selector:
                selector.register(into, selectors.EVENT_WRITE)
                selector.register(out, selectors.EVENT_READ)
                while len(answers) < len(texts):
                    ready = selector.select(max(0.0, deadline - time.monotonic()))
                    if not ready:
                        raise TimeoutError
                    for key, _ in ready:
                        if key.fd == into:
                            try:
                                unsent = unsent[os.write(into, unsent[:CHUNK]) :]
                            except BrokenPipeError:  # what is on its way still comes out, and then the end
                                unsent = b""
                            if not unsent:
                                selector.unregister(into)
                        elif data := os.read(out, CHUNK):
                            received += data.replace(b"\0", b"")
                            while len(answers) < len(texts) and ends[len(answers)] in received:
                                answer, _, received = received.partition(ends[len(answers)])
                                answers.append(unescape(answer.decode(errors="replace")))
                                deadline = time.monotonic() + self.timeout
                        else:
                            raise BrokenPipeError(self._ended())
        except OSError as error:
            return answers, error
        return answers, None

    def _start(self) -> None:
        """Start the programs, in a process group of their own. They end by themselves when the first is no longer fed."""
        before = subprocess.PIPE
        for command in commands(self.mode):
            group = self.processes[0].pid if self.processes else 0
            process = subprocess.Popen(
                command, stdin=before, stdout=subprocess.PIPE, env=self.environment, process_group=group, bufsize=0
            )
            if self.processes:
                before.close()
            self.processes.append(process)
            before = process.stdout
        os.set_blocking(self.processes[0].stdin.fileno(), False)

    def _ended(self) -> str:
        """Which program is gone, and how. The others end with it, for want of one to read from or to write to."""
        self.processes[0].stdin.close()
        deadline = time.monotonic() + 0.5  # a pipe may be closed a moment before its program is known to have ended
        for process in self.processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        gone = [process for process in self.processes if process.returncode is not None]
        for process in sorted(gone, key=lambda process: process.returncode in (0, -signal.SIGPIPE)):
            how = f"by signal {-process.returncode}" if process.returncode < 0 else f"with {process.returncode}"
            return f"{process.args[0]} {how}"
        return "it closed its output"

    def close(self) -> None:
        """End the programs."""
        if self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.processes[0].pid, signal.SIGKILL)
            self.processes[0].stdin.close()
            self.processes[-1].stdout.close()
            for process in self.processes:
                process.wait()
        self.processes = []
