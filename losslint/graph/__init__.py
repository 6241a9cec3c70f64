"""A loss as a dataflow graph, by symbolic execution of its concrete syntax tree."""
