"""A count of right answers with its interval."""

from dataclasses import dataclass

from scipy.stats import binomtest


def wilson_interval(correct: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a proportion (Wilson, 1927), as fractions."""
    interval = binomtest(correct, n).proportion_ci(level, method="wilson")
    return float(interval.low), float(interval.high)


@dataclass(frozen=True)
class Accuracy:
    """correct of n samples, as a fraction with its Wilson 95 % interval."""

    correct: int
    n: int

    @property
    def accuracy(self) -> float:
        return self.correct / self.n

    @property
    def ci95(self) -> tuple[float, float]:
        return wilson_interval(self.correct, self.n)

    def to_json(self) -> dict[str, object]:
        return {"accuracy": self.accuracy, "correct": self.correct, "n": self.n, "ci95": list(self.ci95)}
