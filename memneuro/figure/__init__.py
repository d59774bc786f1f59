"""Figures: one file each, and each draws from tables alone.

Every module has one function ``draw(tables) -> matplotlib.figure.Figure``, where ``tables`` maps a name to a tidy
DataFrame. Nothing is simulated here, so a figure can be redrawn from the CSV files next to it.
"""
