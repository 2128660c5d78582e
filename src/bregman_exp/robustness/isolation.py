"""Isolation: an evaluation neither changes the state of the model and the program nor depends on it."""

import copy
import random
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import numpy as np
import torch
from torch import nn


@contextmanager
def evaluating(model: nn.Module) -> Generator[nn.Module]:
    """The model in eval mode, in float32 without TF32 or autocast, with gradients enabled.

    Yields the model itself, or a float32 copy of a half-precision model (in bf16 the points of an attack
    leave the ball). Afterwards, also after an exception, everything is restored: each submodule's training
    flag, each parameter's requires_grad and .grad, the random states of torch, NumPy and Python, the TF32
    flags.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))  # first: inference tensors cannot have gradients
        half = any(p.dtype in (torch.float16, torch.bfloat16) for p in model.parameters())
        used = copy.deepcopy(model).float() if half else model
        stack.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda"):
            stack.enter_context(torch.autocast(device, enabled=False))
        stack.enter_context(torch.random.fork_rng(devices=range(torch.cuda.device_count())))
        stack.enter_context(_other_random_states_kept())
        stack.enter_context(_full_float32())
        stack.enter_context(_module_state_kept(used))
        used.eval()
        used.requires_grad_(False)
        yield used


def in_dtype(model: nn.Module, dtype: torch.dtype) -> nn.Module:
    """The model, or a copy in this dtype if its weights have another floating dtype."""
    others = any(p.is_floating_point() and p.dtype != dtype for p in model.parameters())
    return copy.deepcopy(model).to(dtype) if others else model


@contextmanager
def _other_random_states_kept() -> Generator[None]:
    numpy_state, python_state = np.random.get_state(), random.getstate()
    try:
        yield
    finally:
        np.random.set_state(numpy_state)
        random.setstate(python_state)


@contextmanager
def _full_float32() -> Generator[None]:
    cuda, cudnn, mkldnn = torch.backends.cuda, torch.backends.cudnn, torch.backends.mkldnn
    switches = (cuda.matmul, cudnn.conv, cudnn.rnn, mkldnn.matmul, mkldnn.conv)  # pyright: ignore
    kept = [switch.fp32_precision for switch in switches]
    try:  # the older switches; torch refuses to read them if the program has set the newer ones
        older = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    except RuntimeError:
        older = None
    if older is not None:
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
    for switch in switches:
        switch.fp32_precision = "ieee"
    try:
        yield
    finally:
        if older is not None:
            torch.set_float32_matmul_precision(older[0])
            torch.backends.cudnn.allow_tf32 = older[1]
        for switch, precision in zip(switches, kept, strict=True):
            switch.fp32_precision = precision


@contextmanager
def _module_state_kept(model: nn.Module) -> Generator[None]:
    modes = [(module, module.training) for module in model.modules()]
    parameters = [(p, p.requires_grad, p.grad) for p in model.parameters()]
    for parameter, _, _ in parameters:
        parameter.grad = None  # an attack that calls backward() adds to .grad in place
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode  # not .train(), which would change every submodule
        for parameter, required, gradient in parameters:
            parameter.requires_grad_(required)
            parameter.grad = gradient
