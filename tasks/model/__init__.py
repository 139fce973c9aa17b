"""The loading of model, policy, reasons and contract, as the settings say.

The room holds no step and no Prefect, so that the served model loads in the same way. Called by the
wings and by `tasks/serve.py`.
"""
