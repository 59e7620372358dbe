"""The errors of obtaining and loading models; each text is one line that says what to do.

ModelError            stop and tell the person
  ModelMissing        the model is not in the cache: run `haechi models fetch`
"""

from __future__ import annotations


class ModelError(Exception):
    """A model cannot be obtained, is not what it should be, or computes something else."""


class ModelMissing(ModelError):  # noqa: N818 - reads as what it is
    """The model has not been fetched on this machine yet."""
