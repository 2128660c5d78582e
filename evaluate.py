"""python evaluate.py run=outputs/… attack=curve: adds another suite of attacks to a trained run."""

try:
    from bregman_exp.cli import evaluate
except KeyboardInterrupt:  # the imports take seconds
    raise SystemExit(130) from None

if __name__ == "__main__":
    evaluate()
