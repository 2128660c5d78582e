"""How far the classes are apart in a representation: two measures."""

import numpy as np

RESOLVED = 1e-6  # of the largest |z|, about float32's: a spread below it is rounding


def fisher_ratio(z: np.ndarray, labels: np.ndarray) -> float:
    """Fisher's ratio of the variance between the classes to that within them,

        J = Σ_c n_c ‖μ_c − μ‖² / Σ_c Σ_{i in c} ‖z_i − μ_c‖²,

    μ_c the mean of class c, μ that of all. 0: equal means; ∞: each class is one point, and the points differ;
    NaN: all points coincide. Rotations, shifts and scalings of z do not change it.

    Shapes: z (N, d), labels (N,).
    """
    if collapsed(z):
        return float("nan")
    between = within = 0.0
    middle = z.mean(axis=0)
    for label in np.unique(labels):
        members = z[labels == label]
        mean = members.mean(axis=0)
        between += len(members) * float(((mean - middle) ** 2).sum())
        within += float(((members - mean) ** 2).sum())
    return between / within if within else float("inf")


def linear_accuracy(
    z_fit: np.ndarray, labels_fit: np.ndarray, z_test: np.ndarray, labels_test: np.ndarray
) -> float:
    """The share of the test points that the least-squares classifier has right, as a fraction.

    It fits an affine map of z to the indicators of the classes, on the points to fit, and answers the class
    with the largest value. Directions in which the fitted points do not spread beyond float32's resolution
    do not count; where none is left it answers the largest class.

    Shapes: z (n, d), labels (n,).
    """
    classes, index = np.unique(labels_fit, return_inverse=True)
    middle = z_fit.mean(axis=0)
    targets = np.eye(len(classes))[index]
    smallest = RESOLVED * max(1.0, float(np.abs(z_fit).max())) * len(z_fit) ** 0.5
    left, size, right = np.linalg.svd(z_fit - middle, full_matrices=False)
    kept = size > smallest
    weight = (right[kept].T / size[kept]) @ left[:, kept].T @ (targets - targets.mean(axis=0))
    scores = (z_test - middle) @ weight + targets.mean(axis=0)
    return float((classes[scores.argmax(axis=1)] == labels_test).mean())


def collapsed(z: np.ndarray) -> bool:
    """Whether the points, (N, d), coincide to within float32's resolution."""
    return bool(z.std(axis=0).max() <= RESOLVED * max(1.0, float(np.abs(z).max())))
