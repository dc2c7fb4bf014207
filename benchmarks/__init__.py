"""The comparisons behind every claim of speed: `make bench`, or `python -m benchmarks --help`."""
