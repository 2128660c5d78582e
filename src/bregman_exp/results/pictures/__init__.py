"""Pictures, one a file, from arrays alone; ``style.py`` is how all of them look."""
