"""Proof instead of opinion: losses are cut out of their files and run, in a process of their own.

``program.py`` says what is run and with which inputs, ``observation.py`` what was seen. Slicing and the inference of
inputs happen in the main process, which imports no framework; programs are only ever executed in a child of the server.
"""
