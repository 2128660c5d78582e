"""python evaluate.py run=outputs/… attack=curve: adds another suite of attacks to a trained run."""

from bregman_exp.cli import evaluate

if __name__ == "__main__":
    evaluate()
