// A1 for any denominator: value / by, rounded once. A divisor below 1 is an error of the program (A3).
module npusim_divide #(
    parameter int WORD = 64,
    parameter int ROUNDING = npusim_codes::ROUND_HALF_UP
) (
    input  logic signed [WORD-1:0] value,
    input  logic signed [WORD-1:0] by,
    output logic signed [WORD-1:0] result
);

  localparam int WIDE = WORD + 1;

  logic signed [WORD-1:0] truncated, remainder, quotient, rest;
  logic signed [WORD:0]   twice;
  logic                   guard, sticky, sign, last, increment;

  always_comb begin
    truncated = value / by;
    remainder = value - truncated * by;
    quotient = remainder < 0 ? truncated - 1 : truncated;
    rest = remainder < 0 ? remainder + by : remainder;
    twice = {rest, 1'b0};
    guard = twice >= WIDE'(by);
    sticky = rest != 0 && twice != WIDE'(by);
    sign = value < 0;
    last = |(quotient & 1);
  end

  npusim_increment #(.ROUNDING(ROUNDING)) rounded (
      .guard(guard), .sticky(sticky), .sign(sign), .last(last), .increment(increment)
  );

  always_comb begin
    result = increment ? quotient + 1 : quotient;
  end

endmodule
