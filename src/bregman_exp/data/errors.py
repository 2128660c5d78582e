"""What goes wrong with data, told in one sentence."""


class DataError(ValueError):
    """Data that are missing, damaged or not of the expected form."""
