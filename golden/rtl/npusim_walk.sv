// W7: a copy. Output codes in raster order; for each the address of the input's code, or the padding.
// Along axis a the index is first + i * step, in units of 2^-FRACTION_BITS, floored; outside of
// 0 .. length - 1 lies the padding. Axis 0 is slowest.
module npusim_walk #(
    parameter int AXES = 8,
    parameter int CODE_BITS = 8,
    parameter int FRACTION_BITS = 16
) (
    input  logic                 clk,
    input  logic                 start,    // the next clock edge goes to the first code
    input  logic                 advance,  // the next clock edge goes to the next one
    input  logic [AXES*32-1:0]   sizes,    // of the output; axis 0 lowest
    input  logic [AXES*32-1:0]   firsts,   // signed
    input  logic [AXES*32-1:0]   steps,    // signed
    input  logic [AXES*32-1:0]   strides,  // of the input, in codes
    input  logic [AXES*32-1:0]   lengths,  // of the input
    input  logic [CODE_BITS-1:0] pad,
    input  logic [CODE_BITS-1:0] data,     // the code at `address`
    output logic [31:0]          address,
    output logic                 in_image,
    output logic [CODE_BITS-1:0] result
);

  logic        [AXES*32-1:0] counters, moved;
  logic signed [31:0]        place, index, length;
  logic        [31:0]        counter, size, raised, total;
  logic                      carry, reaches;
  integer                    axis, walked;

  // The counters as the digits of a number whose last digit is lowest.
  always_comb begin
    carry = advance;
    moved = counters;
    for (axis = AXES - 1; axis >= 0; axis = axis - 1) begin
      counter = counters[axis*32 +: 32];
      size = sizes[axis*32 +: 32];
      raised = counter + {31'd0, carry};
      carry = raised >= size;
      moved[axis*32 +: 32] = carry ? 32'd0 : raised;
    end
  end

  always_ff @(posedge clk) begin
    counters <= start ? {AXES{32'd0}} : moved;
  end

  always_comb begin
    total = 32'd0;
    reaches = 1'b1;
    for (walked = 0; walked < AXES; walked = walked + 1) begin
      place = $signed(firsts[walked*32 +: 32] + counters[walked*32 +: 32] * steps[walked*32 +: 32]);
      index = place >>> FRACTION_BITS;
      length = $signed(lengths[walked*32 +: 32]);
      reaches = reaches & (index >= 0 && index < length);
      total = total + $unsigned(index) * strides[walked*32 +: 32];
    end
  end

  always_comb begin
    address = total;
    in_image = reaches;
    result = in_image ? data : pad;
  end

endmodule
