"""Checks, grading and feedback for the course in variational inference."""
