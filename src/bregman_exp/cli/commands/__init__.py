"""The commands on runs that exist, one a file: its arguments (``parser``) and what it does (``run``)."""
