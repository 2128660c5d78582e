import torch

from bregman_exp.geometry.precision import in_float32, widen


class Recorder:
    @in_float32
    def add(self, a, b):
        self.seen = (a.dtype, b.dtype)
        return a + b


def test_half_precision_is_widened_and_the_result_narrowed():
    recorder = Recorder()
    half, single = torch.ones(2, dtype=torch.bfloat16), torch.ones(2)
    assert recorder.add(half, single).dtype == torch.bfloat16
    assert recorder.seen == (torch.float32, torch.float32)
    assert recorder.add(single, half).dtype == torch.float32


def test_other_precisions_pass_through():
    recorder = Recorder()
    double = torch.ones(2, dtype=torch.float64)
    assert recorder.add(double, double).dtype == torch.float64
    assert recorder.seen == (torch.float64, torch.float64)
    assert widen(double) is double
