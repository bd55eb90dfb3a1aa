"""Requirements as data, and the check that ties them to tests.

Each `<package>.toml` beside this file lists what a package promises: a stable id (`package:behaviour`), one sentence,
and where the promise comes from. Tests name the ids that they prove. `python -m tests.requirements` fails on a promise
without a test, on a test that proves nothing, and on a test that names a promise nobody made. The documentation shows
the same table. A coverage figure was the road not taken: it counts lines, and nobody promised lines.
"""
