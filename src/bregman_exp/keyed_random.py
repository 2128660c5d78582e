"""Random numbers keyed by (seed, stream, counters), so that nothing depends on what was drawn before."""

import hashlib

import torch


def generator(seed: int, stream: str, *counters: int) -> torch.Generator:
    """A CPU generator for one purpose, e.g. ``generator(seed, "shuffle", epoch)``.

    Its 63-bit seed is a BLAKE2 hash of the key, the same on every platform; the global state is not touched.
    """
    key = repr((int(seed), stream, *map(int, counters))).encode()  # NumPy's 3 is 3
    digest = hashlib.blake2b(key, digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "big") >> 1)
