"""Small interpreters over one graph: each derives one kind of fact about every node."""
