"""python train.py model=bregman_resnet20 act=softplus: trains a network and measures how robust it is."""

try:
    from bregman_exp.cli import train
except KeyboardInterrupt:  # the imports take seconds
    raise SystemExit(130) from None

if __name__ == "__main__":
    train()
