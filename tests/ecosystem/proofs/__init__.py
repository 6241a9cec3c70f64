"""One module a package: each function runs the package's own code at the input that a review names, and tells what happens.

Where a package no longer imports as a whole, the functions are taken out of its files (``observe.sliced``), and the
first line of the module says so.
"""
