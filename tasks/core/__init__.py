"""The domain: pure rules, data in and data out.

No module here knows a disk, a clock, a logger or a framework; numpy, pandas, pyarrow and scipy are all
that it may import. A room serves the wing of the same name or several rooms; the modules beside the
rooms serve everyone.
"""
