// A.float32: convert to binary32, multiply by a binary32, round to an integer, saturate to TO_BITS.
// Magnitudes and exponents: value = +-significand * 2^exponent. The scale is finite.
module npusim_float32 #(
    parameter int WORD = 64,
    parameter int ROUNDING = npusim_codes::ROUND_HALF_EVEN,
    parameter int TO_BITS = 32
) (
    input  logic signed [WORD-1:0] value,
    input  logic        [31:0]     scale,
    output logic signed [WORD-1:0] result
);

  localparam int LEAST_EXPONENT = -149;
  localparam int WIDE = WORD + 60;
  localparam logic signed [WIDE-1:0] LIMIT = $signed({{WIDE{1'b0}}, 1'b1}) <<< (TO_BITS - 1);

  // The number of bits of a magnitude.
  function automatic int length(input logic signed [WIDE-1:0] magnitude);
    length = 0;
    for (int i = 0; i < WIDE; i = i + 1) if (|((magnitude >> i) & 1)) length = i + 1;
  endfunction

  logic                   negative;
  logic        [7:0]      biased;
  logic signed [WIDE-1:0] extended, fraction, magnitude, converted, product, rounded_product, signed_product;
  logic signed [WIDE-1:0] whole, chosen, limited;
  int                     convert_excess, exponent, product_exponent, excess, final_exponent, down;

  assign biased = scale[30:23];
  assign fraction = $signed({{WIDE{1'b0}}, biased != 8'd0, scale[22:0]});

  always_comb begin
    negative = (value < 0) ^ scale[31];
    extended = WIDE'(value);
    magnitude = value < 0 ? -extended : extended;
    convert_excess = length(magnitude) > 24 ? length(magnitude) - 24 : 0;
  end

  npusim_shift_round #(.WORD(WIDE), .ROUNDING(npusim_codes::ROUND_HALF_EVEN)) convert (
      .value(magnitude), .amount(9'(convert_excess)), .result(converted)
  );

  always_comb begin
    product = converted * fraction;
    exponent = biased == 8'd0 ? 1 - 150 : int'(biased) - 150;
    product_exponent = exponent + convert_excess;
    excess = length(product) - 24;
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
  end

  npusim_shift_round #(.WORD(WIDE), .ROUNDING(ROUNDING)) finish (
      .value(signed_product), .amount(9'(down)), .result(whole)
  );

  always_comb begin
    chosen = whole;
    if (final_exponent > 0) chosen = signed_product <<< final_exponent;
    if (final_exponent > 0 && length(rounded_product) + final_exponent > TO_BITS)
      chosen = negative ? -LIMIT : LIMIT;
    limited = chosen < -LIMIT ? -LIMIT : chosen;
    result = WORD'(limited > LIMIT - 1 ? LIMIT - 1 : limited);
  end

endmodule
