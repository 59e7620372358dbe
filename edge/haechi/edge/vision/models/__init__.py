"""Obtaining, checking and finding the detector models; see models/<name>/README.md for what each one is.

=============  ==========================================================================
module         promises
=============  ==========================================================================
``card``       model.toml of a shipped model, checked
``obtain``     the publisher's files, from the npm registry or from a file, by sha256
``convert``    TensorFlow.js graph → ONNX
``quantise``   fp32 → int8
``vectors``    does a model compute, on this machine, what it must?
``cache``      where ready models lie; how a camera finds one
``prepare``    all steps in order, each resumed where it stopped
``cli``        ``haechi models fetch|import|list|verify``
=============  ==========================================================================
"""
