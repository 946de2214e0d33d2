// A1: value / 2^amount, rounded once to a neighbouring integer.
module npusim_shift_round #(
    parameter int WORD = 64,
    parameter int ROUNDING = npusim_codes::ROUND_HALF_UP
) (
    input  logic signed [WORD-1:0] value,
    input  logic        [8:0]      amount,  // 0..255
    output logic signed [WORD-1:0] result
);

  localparam logic [WORD-1:0] ALL_ONES = {WORD{1'b1}};

  logic signed [WORD-1:0] quotient;  // floored; beyond the word: sign fill
  logic        [8:0]      guard_at;
  logic        [WORD-1:0] below;     // a mask of the bits under the guard bit
  logic                   sign, guard, sticky, last, increment;

  always_comb begin
    sign = value < 0;
    quotient = value >>> amount;
    last = |(quotient & 1);
    guard_at = amount - 9'd1;
    guard = amount != 0 && |((value >>> guard_at) & 1);
    below = ~(ALL_ONES << guard_at);
    sticky = amount != 0 && |(value & below);
  end

  npusim_increment #(.ROUNDING(ROUNDING)) rounded (
      .guard(guard), .sticky(sticky), .sign(sign), .last(last), .increment(increment)
  );

  always_comb begin
    result = increment ? quotient + 1 : quotient;
  end

endmodule
