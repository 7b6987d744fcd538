"""Handing in: one zip of a student's notebooks, with a list of what is inside."""
