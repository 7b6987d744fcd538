"""Grades for other programs: a table, Canvas, Moodle, nbgrader."""
