"""python train.py model=bregman_resnet20 act=softplus: trains a network and measures how robust it is."""

from bregman_exp.cli import train

if __name__ == "__main__":
    train()
