"""What turns ONNX operations into layers: one file per family, found because it is there.

Each file has a dict `CONVERTERS` from ONNX operation to a function of node and builder.
"""
