"""Hisn: a joint cyber-security unit for elections, run by parties who do not trust each other."""

__version__ = "0.1.0"
