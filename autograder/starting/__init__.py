"""Setting up a student's copy of the course, with nothing but Python's standard library."""
