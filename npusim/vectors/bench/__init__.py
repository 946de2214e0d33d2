"""Self-checking benches: golden vectors against RTL, in open simulators.

A unit (`unit`) is what a bench drives. Its module ``npusim_dut`` is the reference RTL (`reference`) or a
user's (`user`); the bench around it (`mac`, `elementwise`) reads a case's files (`case`) and says PASS or
FAIL.
"""
