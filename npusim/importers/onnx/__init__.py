"""Float ONNX models to networks.

reader -> graph of plain Python -> simplifications -> one converter per operation -> network.
"""
