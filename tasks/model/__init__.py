"""The loading of what decides: model, policy, reasons and contract, as the settings say.

No step and no Prefect, so that the served model loads in the same way. Called by the wings and by
`tasks/serve.py`.
"""
