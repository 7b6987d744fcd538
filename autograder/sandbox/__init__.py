"""Running students' code in a process of its own, and calling its functions from a trusted one.

The grader (`client`, `session`) asks a zygote process to fork one child per hand-in. The child runs
the notebook's cells (`cells`) and then answers calls (`child`) over a socket (`wire`): values only,
nothing is ever unpickled. The zygote has loaded libraries and nothing else: no lesson's checks, no
typical answers, no solution, no gradebook, since a fork inherits its parent's memory.
"""
