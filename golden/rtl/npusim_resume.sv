// A7: what an accumulator holds before a pass that goes on from a partial sum: `partial` shifted left, then
// the bias, each a write of the register like any other. A late bias waits for the last beat.
module npusim_resume #(
    parameter int ACCUMULATOR_BITS = 32,
    parameter int ACCUMULATOR_OVERFLOW = npusim_codes::OVERFLOW_SATURATE,
    parameter int BIAS_BITS = 32,
    parameter int BIAS_PLACE = npusim_codes::BIAS_PRELOAD,
    parameter int SHIFT_BITS = 5
) (
    input  logic signed [ACCUMULATOR_BITS-1:0] partial,
    input  logic        [SHIFT_BITS-1:0]       amount,
    input  logic signed [BIAS_BITS-1:0]        bias,
    output logic signed [ACCUMULATOR_BITS-1:0] held,
    output logic signed [BIAS_BITS-1:0]        loaded
);

  localparam int SHIFTED_BITS = ACCUMULATOR_BITS + (1 << SHIFT_BITS);
  localparam int WORD = (SHIFTED_BITS > BIAS_BITS ? SHIFTED_BITS : BIAS_BITS) + 2;
  localparam bit LATE = BIAS_PLACE == npusim_codes::BIAS_LATE;

  logic signed [WORD-1:0] shifted, written, sum, biased;

  always_comb begin
    shifted = WORD'(partial) <<< amount;
  end

  npusim_fit #(
      .WORD(WORD), .BITS(ACCUMULATOR_BITS), .SIGNED(1'b1), .OVERFLOW(ACCUMULATOR_OVERFLOW)
  ) shift_register (.value(shifted), .result(written));

  always_comb begin
    sum = written + WORD'(bias);
  end

  npusim_fit #(
      .WORD(WORD), .BITS(ACCUMULATOR_BITS), .SIGNED(1'b1), .OVERFLOW(ACCUMULATOR_OVERFLOW)
  ) bias_register (.value(sum), .result(biased));

  always_comb begin
    held = ACCUMULATOR_BITS'(written);
    loaded = LATE ? bias : BIAS_BITS'(biased);
  end

endmodule
