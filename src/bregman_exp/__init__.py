"""Experiments with Bregman neural networks: usable without Hydra.

import bregman_exp as bx
rho = bx.legendre_map("softplus", beta=10.0)
net = bx.resnet(20, act=rho, version="bregman", num_classes=10, normalize="cifar10")
report = bx.robust_accuracy(net, images, labels, attack="pgd", norm="linf", eps=1 / 255)
"""

from bregman_exp.api import fast_inference as fast_inference
from bregman_exp.api import legendre_map as legendre_map
from bregman_exp.api import mlp as mlp
from bregman_exp.api import resnet as resnet
from bregman_exp.robustness import robust_accuracy as robust_accuracy
