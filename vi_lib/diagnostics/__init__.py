"""Is this fit any good? What to look at, each with its theory and its limits."""

from vi_lib.diagnostics.psis import effective_draws, khat, psis

__all__ = ["effective_draws", "khat", "psis"]
