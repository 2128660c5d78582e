"""Footnotes, numbered from 1; one that is said twice has one number."""

from dataclasses import dataclass, field


@dataclass
class Footnotes:
    texts: list[str] = field(default_factory=list)

    def add(self, text: str) -> int:
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1
