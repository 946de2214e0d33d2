// A.significant: the bits of a value below its highest `digits` rounded away, once.
module npusim_significant #(
    parameter int WORD = 64,
    parameter int ROUNDING = npusim_codes::ROUND_HALF_EVEN
) (
    input  logic signed [WORD-1:0] value,
    input  logic signed [WORD-1:0] digits,  // one or more
    output logic signed [WORD-1:0] result
);

  logic        [WORD-1:0] magnitude;
  logic        [8:0]      excess;  // bits beyond the digits
  logic signed [WORD-1:0] kept;

  always_comb begin
    magnitude = value < 0 ? -value : value;
    excess = 9'd0;
    for (int place = 0; place < WORD; place = place + 1) begin
      if (|((magnitude >> place) & 1) && WORD'(place) >= digits) begin
        excess = 9'(place + 1 - 32'(digits));
      end
    end
  end

  npusim_shift_round #(.WORD(WORD), .ROUNDING(ROUNDING)) round (
      .value(value), .amount(excess), .result(kept)
  );

  always_comb begin
    result = kept <<< excess;
  end

endmodule
