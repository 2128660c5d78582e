"""Random numbers keyed by (seed, stream, counters), independent of earlier draws."""

import hashlib

import torch


def generator(seed: int, stream: str, *counters: int) -> torch.Generator:
    """A CPU generator for one purpose, e.g. ``generator(seed, "shuffle", epoch)``.

    Its 63-bit seed is a BLAKE2 hash of the key, equal on every platform. The global state is not changed.
    """
    key = repr((int(seed), stream, *map(int, counters))).encode()  # int: NumPy's 3 gives the same key
    digest = hashlib.blake2b(key, digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big") >> 1)
