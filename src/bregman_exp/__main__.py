"""python -m bregman_exp: the command ``bregman``."""

from bregman_exp.cli.main import main

if __name__ == "__main__":
    main()
