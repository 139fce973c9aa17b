"""Benchmarks and studies. Nobody needs them to score a day."""
