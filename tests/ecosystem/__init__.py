"""losslint over published packages: ``python -m tests.ecosystem`` compares what it finds with a reviewed snapshot."""
