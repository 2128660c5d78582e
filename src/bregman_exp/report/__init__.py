"""The page of an experiment, and its pictures: run folders become one HTML file that needs nothing beside it."""
