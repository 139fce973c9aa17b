"""Adapters of the packages that we lean on, one module each: Great Expectations, LightGBM, others.

Values of the core go in and come out; of our own rooms only the core may be imported. Called by the
wings, `tasks/model/` and `tasks/serve.py`.
"""
