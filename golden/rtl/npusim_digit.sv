// A7: DIGIT_BITS bits of a signed code, from bit `low` on, as a signed operand. The highest digit keeps the
// code's sign; the others have half of their range taken off.
module npusim_digit #(
    parameter int CODE_BITS = 16,
    parameter int DIGIT_BITS = 8
) (
    input  logic [CODE_BITS-1:0]  code,
    input  logic [3:0]            low,
    output logic [DIGIT_BITS-1:0] digit
);

  localparam int WORD = CODE_BITS + 17;
  localparam logic signed [WORD-1:0] ONE = 1;
  localparam logic signed [WORD-1:0] HALF = ONE <<< (DIGIT_BITS - 1);
  localparam logic signed [WORD-1:0] MASK = (ONE <<< DIGIT_BITS) - ONE;

  logic signed [CODE_BITS-1:0] signed_code;
  logic signed [WORD-1:0]      shifted, lower, chosen;
  logic                        highest;

  always_comb begin
    signed_code = $signed(code);
    shifted = WORD'(signed_code) >>> low;
    highest = 32'(low) + DIGIT_BITS >= CODE_BITS;
    lower = (shifted & MASK) - HALF;
    chosen = highest ? shifted : lower;
    digit = DIGIT_BITS'(chosen);
  end

endmodule
