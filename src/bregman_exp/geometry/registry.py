"""The one place where the name of an activation becomes an object.

CONTRIBUTING.md has the recipe for a new map of this program, docs/extending.md for one of another package.
"""

import inspect

from bregman_exp.geometry.as_released import SigmoidAsReleased, SinAsReleased, SquareplusAsReleased
from bregman_exp.geometry.bounded import Atan, Isru, ScaledTanh, Sigmoid, Sin, Tanh
from bregman_exp.geometry.half_line import Elu, Squareplus
from bregman_exp.geometry.legendre import Activation, LegendreMap
from bregman_exp.geometry.not_legendre import Gelu, NotLegendre, Relu
from bregman_exp.geometry.real_line import Asinh, Identity, LeakyRelu
from bregman_exp.geometry.softplus import Softplus

ACTIVATIONS: dict[str, type[Activation]] = {
    "atan": Atan,
    "tanh": Tanh,
    "sigmoid": Sigmoid,
    "softplus": Softplus,
    "isru": Isru,
    "scaled_tanh": ScaledTanh,
    "asinh": Asinh,
    "squareplus": Squareplus,
    "bent_identity": Squareplus,  # the reference's name for it
    "sin": Sin,
    "elu": Elu,
    "leaky_relu": LeakyRelu,
    "identity": Identity,
    "relu": Relu,
    "gelu": Gelu,
    "sigmoid_as_released": SigmoidAsReleased,
    "squareplus_as_released": SquareplusAsReleased,
    "sin_as_released": SinAsReleased,
}


def legendre_map(name: str, *, learn: str | None = None, **parameters: float) -> Activation:
    """The activation of this name, e.g. `legendre_map("softplus", beta=10.0)`.

    ``learn``: a network made with it learns the parameters, one value per "network", "layer" or "channel",
    from the given ones on (`Activation.learned`).

    It is a `LegendreMap`, except for relu and gelu, which only standard models can use, and for the maps
    `AsReleased`, which reproduce bregmanet. Raises ValueError for an unknown name, an unknown parameter, or
    a value that is not allowed, and where there is nothing to learn.
    """
    if name not in ACTIVATIONS:
        raise ValueError(f"there is no activation {name!r}; choose one of: {', '.join(ACTIVATIONS)}.")
    allowed = inspect.signature(ACTIVATIONS[name]).parameters
    unknown = [key for key in parameters if key not in allowed]
    if unknown:
        raise ValueError(
            f"activation {name!r} has no parameter {unknown[0]!r}; "
            f"its parameters are: {', '.join(allowed) or 'none'}."
        )
    act = ACTIVATIONS[name](**parameters)
    return act if learn is None else act.learned(learn)


def as_legendre(act: Activation) -> LegendreMap:
    """The activation, if it is a Legendre map; else a ValueError that says why it has no inverse."""
    if isinstance(act, LegendreMap):
        return act
    if not isinstance(act, Activation):
        raise ValueError(f"{act!r} is not an activation; create one with legendre_map(name).")
    reason = f" ({act.reason})" if isinstance(act, NotLegendre) else ""
    names = ", ".join(name for name, cls in ACTIVATIONS.items() if issubclass(cls, LegendreMap))
    raise ValueError(
        f"activation {act.name!r} has no inverse{reason}, so it cannot be used in a Bregman model; "
        f"choose one of: {names}."
    )
