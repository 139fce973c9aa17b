"""The judgement of a model: figures of merit, kinds of applicants, its shape, and the model card.

Nothing here scores a day. Called by the training wing and the page of the card.
"""
