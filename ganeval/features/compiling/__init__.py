"""Faster forms of an extractor's network, made beside the extraction: where they pay, and where they change nothing.

`extractor` decides, checks and changes over; `compiler` is what it knows of a compiler, `inductor` and `onnx_runtime`
are those that there are; `record` keeps what they cost and gained on this machine.
"""
