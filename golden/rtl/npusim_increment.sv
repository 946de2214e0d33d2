// A1: what a rounding rule adds to a floored quotient, 0 or 1.
module npusim_increment #(
    parameter int ROUNDING = npusim_codes::ROUND_HALF_UP
) (
    input  logic guard,   // the highest bit shifted out
    input  logic sticky,  // whether any bit below it was
    input  logic sign,    // of the value
    input  logic last,    // the lowest bit kept
    output logic increment
);

  int rule;

  always_comb begin
    rule = ROUNDING;
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
  end

endmodule
