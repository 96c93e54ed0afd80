"""The version: of the package, of the files it writes and of what it compares with them."""

__version__ = "0.1.0"
