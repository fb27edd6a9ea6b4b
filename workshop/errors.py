"""The one base class of every error that the course raises on purpose, and others' errors in a line."""


class WorkshopError(Exception):
    """What happened, where, and what to do next, in one or a few plain lines.

    The command line prints it without a traceback, and so does a notebook: the traceback would only lead into
    the package, while the remedy stands in the message.
    """

    def _render_traceback_(self) -> list[str]:
        """IPython's hook for exceptions that print themselves."""
        return [f"{type(self).__name__}: {self}"]


def first_line(text: object) -> str:
    """The first line of what a server or another library says; empty where it says nothing."""
    return (str(text).strip().splitlines() or [""])[0]
