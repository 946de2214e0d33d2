// A.float32, A.float64: convert to float, multiply by a float, round to an integer, saturate to TO_BITS.
// Magnitudes and exponents: value = +-significand * 2^exponent. The scale is finite.
module npusim_float #(
    parameter int WORD = 64,
    parameter int SIGNIFICAND_BITS = 24,  // the leading one included
    parameter int EXPONENT_BITS = 8,
    parameter int ROUNDING = npusim_codes::ROUND_HALF_EVEN,
    parameter int TO_BITS = 32
) (
    input  logic signed [WORD-1:0] value,
    input  logic        [SIGNIFICAND_BITS+EXPONENT_BITS-1:0] scale,  // the bits of a finite float
    output logic signed [WORD-1:0] result
);

  localparam int FRACTION_BITS = SIGNIFICAND_BITS - 1;
  localparam int LEAST_EXPONENT = 3 - (1 << (EXPONENT_BITS - 1)) - SIGNIFICAND_BITS;
  localparam int WIDE = (WORD > 2 * SIGNIFICAND_BITS ? WORD : 2 * SIGNIFICAND_BITS) + 4;
  localparam int FAR = 511;  // from there on a shift makes no difference
  localparam logic signed [WIDE-1:0] ONE = 1;
  localparam logic signed [WIDE-1:0] LIMIT = ONE <<< (TO_BITS - 1);

  // The number of bits of a magnitude.
  function automatic signed [31:0] length(input logic signed [WIDE-1:0] magnitude);
    length = 0;
    for (int i = 0; i < WIDE; i = i + 1) if (|((magnitude >> i) & 1)) length = i + 1;
  endfunction

  logic                   negative;
  logic        [EXPONENT_BITS-1:0] biased;
  logic signed [WIDE-1:0] extended, fraction, magnitude, converted, product, rounded_product, signed_product;
  logic signed [WIDE-1:0] whole, chosen, limited;
  int                     convert_excess, exponent, product_exponent, excess, final_exponent, down;

  assign biased = scale[FRACTION_BITS +: EXPONENT_BITS];
  assign fraction = WIDE'($signed({1'b0, |biased, scale[FRACTION_BITS-1:0]}));

  always_comb begin
    negative = (value < 0) ^ |(scale >> (FRACTION_BITS + EXPONENT_BITS));
    extended = WIDE'(value);
    magnitude = value < 0 ? -extended : extended;
    convert_excess = length(magnitude) > SIGNIFICAND_BITS ? length(magnitude) - SIGNIFICAND_BITS : 0;
  end

  npusim_shift_round #(.WORD(WIDE), .ROUNDING(npusim_codes::ROUND_HALF_EVEN)) convert (
      .value(magnitude), .amount(9'(convert_excess)), .result(converted)
  );

  always_comb begin
    product = converted * fraction;
    exponent = (|biased ? 32'(biased) : 1) + LEAST_EXPONENT - 1;
    product_exponent = exponent + convert_excess;
    excess = length(product) - SIGNIFICAND_BITS;
    if (excess < LEAST_EXPONENT - product_exponent) excess = LEAST_EXPONENT - product_exponent;
    if (excess < 0) excess = 0;
    final_exponent = product_exponent + excess;
  end

  npusim_shift_round #(.WORD(WIDE), .ROUNDING(npusim_codes::ROUND_HALF_EVEN)) multiply (
      .value(product), .amount(9'(excess)), .result(rounded_product)
  );

  always_comb begin
    signed_product = negative ? -rounded_product : rounded_product;
    down = final_exponent < 0 ? -final_exponent : 0;
    if (down > FAR) down = FAR;
  end

  npusim_shift_round #(.WORD(WIDE), .ROUNDING(ROUNDING)) finish (
      .value(signed_product), .amount(9'(down)), .result(whole)
  );

  always_comb begin
    chosen = whole;
    if (final_exponent > 0) chosen = signed_product <<< final_exponent;
    if (final_exponent > 0 && rounded_product != 0 && length(rounded_product) + final_exponent > TO_BITS)
      chosen = negative ? -LIMIT : LIMIT;
    limited = chosen < -LIMIT ? -LIMIT : chosen;
    result = WORD'(limited > LIMIT - 1 ? LIMIT - 1 : limited);
  end

endmodule
