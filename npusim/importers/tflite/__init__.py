"""Integer TFLite models to programs.

reader -> graph of plain Python -> one converter per operation -> program on the datapath `tflite` or a
variant of it. What a program computes are the bits of LiteRT's reference kernels.
"""
