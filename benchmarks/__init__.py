"""How fast it is, subject by subject, with one measuring engine; ``make bench`` prints it in one table."""
