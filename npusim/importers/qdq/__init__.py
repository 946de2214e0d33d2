"""Quantized ONNX models, in QDQ or QOperator form, to programs.

reader -> graph of plain Python -> each operation between DequantizeLinear and QuantizeLinear as the
quantized operator that ONNX Runtime fuses it to -> program on the datapath `onnxruntime` or its int8
variant. What a program computes are the bits of those operators on the CPU.
"""
