"""One error family, because an error is part of the interface.

Everything that a person can cause or mend is raised as a `FairleadError`: what happened, why, and what to do next. The
command line prints it as one line, an API answers it as a Status; neither ever shows a traceback. Each package derives
its own errors by the stage that failed. Anything else that escapes is a bug and is reported as one.
"""


class FairleadError(Exception):
    """`str()` is one line: "what: why; remedy". None of the three may carry a secret."""

    def __init__(self, what: str, why: str = "", remedy: str = "") -> None:
        super().__init__(what, why, remedy)
        self.what = what
        self.why = why
        self.remedy = remedy

    def __str__(self) -> str:
        line = f"{self.what}: {self.why}" if self.why else self.what
        line = f"{line}; {self.remedy}" if self.remedy else line
        return " ".join(line.split())
