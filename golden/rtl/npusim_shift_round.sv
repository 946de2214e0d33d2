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

  int                     rule;
  logic signed [WORD-1:0] quotient;  // floored; beyond the word: sign fill
  logic        [8:0]      guard_at;
  logic        [WORD-1:0] below;     // a mask of the bits under the guard bit
  logic                   sign, guard, sticky, last, increment;

  always_comb begin
    rule = ROUNDING;
    sign = value < 0;
    quotient = value >>> amount;
    last = |(quotient & 1);
    guard_at = amount - 9'd1;
    guard = amount != 0 && |((value >>> guard_at) & 1);
    below = ~(ALL_ONES << guard_at);
    sticky = amount != 0 && |(value & below);
    case (rule)
      npusim_codes::ROUND_HALF_UP:          increment = guard;
      npusim_codes::ROUND_HALF_DOWN:        increment = guard & sticky;
      npusim_codes::ROUND_HALF_TOWARD_ZERO: increment = guard & (sign | sticky);
      npusim_codes::ROUND_HALF_AWAY:        increment = guard & (!sign | sticky);
      npusim_codes::ROUND_HALF_EVEN:        increment = guard & (last | sticky);
      npusim_codes::ROUND_HALF_ODD:         increment = guard & (!last | sticky);
      npusim_codes::ROUND_TOWARD_ZERO:      increment = sign & (guard | sticky);
      npusim_codes::ROUND_CEIL:             increment = guard | sticky;
      npusim_codes::ROUND_AWAY:             increment = !sign & (guard | sticky);
      default:                              increment = 1'b0;  // floor
    endcase
    result = increment ? quotient + 1 : quotient;
  end

endmodule
