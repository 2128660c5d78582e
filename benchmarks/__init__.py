"""The benchmark: several subjects, one measuring engine, one table; ``make bench`` runs it."""
