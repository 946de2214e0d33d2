"""The reference RTL of a unit behind the bench's ports: the module ``npusim_dut``, one file a family."""
