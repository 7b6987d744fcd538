"""The zip that students get: lessons, what they need, and how to start; no solutions."""
