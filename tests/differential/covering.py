"""What a run has asked: verbs by options, so that nobody takes silence for agreement."""

from collections import Counter
from dataclasses import dataclass, field

from tests.differential.operations import Operation

PLAIN = "(none)"


@dataclass
class Coverage:
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    codes: Counter[tuple[str, int]] = field(default_factory=Counter)
    total: int = 0

    def count(self, operation: Operation, code: int) -> None:
        self.total += 1
        self.codes[operation.verb, code] += 1
        self.asked.update((operation.verb, option) for option in operation.options or (PLAIN,))

    def table(self) -> str:
        """One line per option, one column per verb, the codes below."""
        verbs = sorted({verb for verb, _ in self.codes})
        options = sorted({option for _, option in self.asked})
        rows = [["", *verbs]]
        rows += [[option, *(str(self.asked[verb, option] or ".") for verb in verbs)] for option in options]
        rows += [
            [f"HTTP {code}", *(str(self.codes[verb, code] or ".") for verb in verbs)]
            for code in sorted({code for _, code in self.codes})
        ]
        widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([f"{self.total} operations", *lines])
