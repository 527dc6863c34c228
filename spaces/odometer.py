"""Turn through all answers to a row of questions whose number depends on the answers."""

from __future__ import annotations

from collections.abc import Container, Mapping

from spaces.labels import Label


class Odometer:
    """Answers with every combination in turn, the last question turning fastest.

    Only the questions of some names turn; the others are answered from `kept`, else first.
    """

    def __init__(self, names: Container[str], kept: Mapping[str, Label]) -> None:
        self.names = names
        self.kept = kept
        self._digits: list[tuple[int, int]] = []
        self._place = 0

    def __call__(self, name: str, labels: tuple[Label, ...]) -> Label:
        """Answer one question."""
        if name not in self.names:
            return self.kept.get(name, labels[0])
        if self._place == len(self._digits):
            self._digits.append((0, len(labels)))
        self._place += 1
        return labels[self._digits[self._place - 1][0]]

    def turn(self) -> bool:
        """Go on to the next combination; False after the last."""
        self._place = 0
        while self._digits:
            digit, size = self._digits.pop()
            if digit + 1 < size:
                self._digits.append((digit + 1, size))
                return True
        return False
