"""Configuration of nbgrader for this course, read by every `nbgrader` command in this folder."""

c = get_config()  # noqa: F821  (provided by traitlets)

c.CourseDirectory.course_id = "variational-inference"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "lessons"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "feedback", "*.py"]

c.ClearSolutions.code_stub = {
    "python": "# Your answer replaces this line.\nraise NotImplementedError"
}
c.ClearSolutions.text_stub = "*Your answer replaces this line.*"

# A lesson's slowest cell takes seconds: an endless loop should be noticed within a minute.
c.Execute.timeout = 60
c.ExecutePreprocessor.timeout = 60

# Deleted check cells come back.
c.OverwriteCells.add_missing_cells = True
