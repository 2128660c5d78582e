"""The page of an experiment and its pictures: one HTML file that needs nothing beside it."""
