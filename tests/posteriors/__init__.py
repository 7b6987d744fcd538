"""Models of the kind found in posteriordb, with reference posteriors."""
