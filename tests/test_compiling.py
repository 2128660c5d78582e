"""Whether a CPU is fast in bfloat16, asked of faked ones."""

from pathlib import Path

import pytest
import torch

from bregman_exp.compiling import BF16_TESTS, bf16_is_fast_here

X86 = "processor\t: 0\nflags\t\t: fpu avx2 avx512f {}\nbugs\t\t: bf16\n\nprocessor\t: 1\nflags\t\t: fpu\n"
ARM = "processor\t: 0\nFeatures\t: fp asimd {}\nCPU part\t: 0xd40\n"


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch):
    """says(True, False): what torch answers to its two questions; None: it does not know the question."""

    def answer(*answers: bool | None) -> None:
        for name, each in zip(BF16_TESTS, answers, strict=True):
            if each is None:
                monkeypatch.delattr(torch.cpu, name, raising=False)
            else:
                monkeypatch.setattr(torch.cpu, name, lambda each=each: each, raising=False)

    return answer


@pytest.mark.parametrize("answers", [(True, False), (False, True), (None, True)])
def test_torch_knows(says, tmp_path: Path, answers: tuple[bool | None, ...]) -> None:
    says(*answers)
    assert bf16_is_fast_here(tmp_path / "none")


@pytest.mark.parametrize("answers", [(False, False), (None, None)])
@pytest.mark.parametrize(
    ("text", "fast"),
    [
        (X86.format("avx512_bf16"), True),
        (X86.format("amx_bf16 amx_tile"), True),
        (X86.format("avx512_vnni"), False),
        (ARM.format("bf16"), True),
        (ARM.format("svebf16x"), False),
        ("", False),
    ],
)
def test_linux_knows(says, tmp_path: Path, answers: tuple[bool | None, ...], text: str, fast: bool) -> None:
    says(*answers)
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(text)
    assert bf16_is_fast_here(cpuinfo) == fast


def test_where_nobody_knows_it_is_not(says, tmp_path: Path) -> None:
    says(None, None)
    assert not bf16_is_fast_here(tmp_path / "none")
