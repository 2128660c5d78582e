"""Computes the coefficients in geometry/fused.py: minimax fits of arctan, tanh and log(1 + e^−x)."""

from collections.abc import Callable

import numpy as np

Function = Callable[[np.ndarray], np.ndarray]
NODES, ROUNDS = 4000, 600


def main() -> None:
    fits: list[tuple[str, Function, float, int, int, bool]] = [
        ("arctan t / t in t²", lambda s: ratio(np.arctan, s), 1.0, 8, 0, True),
        ("tanh u / u in u²", lambda s: ratio(np.tanh, s), 81.0, 4, 4, True),
        ("log(1 + e^−x) in x", lambda x: np.log1p(np.exp(-x)), 16.0, 5, 6, False),
    ]
    for name, f, end, top, bottom, relative in fits:
        error, p, q = minimax(f, end, top, bottom, relative)
        print(f"{name} on [0, {end:g}]: {'relative' if relative else 'absolute'} error {error:.1e}")
        for label, coefficients in (("P", p), ("Q", q)):
            print(f"  {label} = {', '.join(f'{c:.9e}' for c in coefficients)}")


def ratio(f: Function, square: np.ndarray) -> np.ndarray:
    """f(t)/t at t = √square, for nodes above 0."""
    return f(np.sqrt(square)) / np.sqrt(square)


def minimax(
    f: Function, end: float, top: int, bottom: int, relative: bool
) -> tuple[float, np.ndarray, np.ndarray]:
    """(largest error, P, Q) of P/Q ≈ f on [0, end], deg P = top, deg Q = bottom, Q(0) = 1.

    Least squares of P − f Q over Chebyshev nodes, divided by Q of the previous round, with weights that grow
    where the error is large (Lawson's method).
    """
    t = (1 + np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES)) / 2  # x / end
    y = f(t * end)
    scale = 1 / np.abs(y) if relative else np.ones(NODES)
    powers_p, powers_q = t[:, None] ** np.arange(top + 1), t[:, None] ** np.arange(1, bottom + 1)
    columns = np.concatenate([powers_p, -y[:, None] * powers_q], axis=1)
    weight, denominator = np.ones(NODES), np.ones(NODES)
    best = (np.inf, np.zeros(0), np.zeros(0))
    for _ in range(ROUNDS):
        row_weight = np.sqrt(weight) * scale / denominator
        solution = np.linalg.lstsq(columns * row_weight[:, None], y * row_weight, rcond=None)[0]
        p, q = solution[: top + 1], np.concatenate([[1.0], solution[top + 1 :]])
        denominator = np.polyval(q[::-1], t)
        error = np.abs(np.polyval(p[::-1], t) / denominator - y) * scale
        if error.max() < best[0]:
            best = (error.max(), p / end ** np.arange(top + 1), q / end ** np.arange(bottom + 1))
        weight *= error / error.max() + 1e-3
        weight /= weight.max()
    return best


if __name__ == "__main__":
    main()
