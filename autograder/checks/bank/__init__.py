"""Typical answers to the exercises, wrong and right, one module per lesson."""
