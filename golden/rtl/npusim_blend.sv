// W7: four neighbouring codes, blended exactly by the second row's and the second column's weight.
module npusim_blend #(
    parameter int CODE_BITS = 8,
    parameter bit CODE_SIGNED = 1'b1,
    parameter int WEIGHT_BITS = 11,  // weights in units of 2^-WEIGHT_BITS
    parameter int RESULT_BITS = 30
) (
    input  logic [4*CODE_BITS-1:0]        corners,  // upper left lowest, upper right, lower left, lower right
    input  logic [WEIGHT_BITS-1:0]        row_weight,
    input  logic [WEIGHT_BITS-1:0]        column_weight,
    output logic signed [RESULT_BITS-1:0] blended
);

  localparam int WORD = CODE_BITS + 2 * WEIGHT_BITS + 4;
  localparam logic signed [WORD-1:0] ONE = 1;
  localparam logic signed [WORD-1:0] WHOLE = ONE <<< WEIGHT_BITS;

  logic signed [WORD-1:0]   below, right, above, left, upper, lower, exact;
  logic        [4*WORD-1:0] extended;

  genvar corner;
  generate
    for (corner = 0; corner < 4; corner = corner + 1) begin : g_corner
      logic [CODE_BITS-1:0] code;
      logic                 top;
      assign code = corners[corner*CODE_BITS +: CODE_BITS];
      assign top = CODE_SIGNED & code[CODE_BITS-1];
      assign extended[corner*WORD +: WORD] = {{(WORD-CODE_BITS){top}}, code};
    end
  endgenerate

  always_comb begin
    below = WORD'($signed({1'b0, row_weight}));
    right = WORD'($signed({1'b0, column_weight}));
    above = WHOLE - below;
    left = WHOLE - right;
    upper = $signed(extended[0 +: WORD]) * left + $signed(extended[WORD +: WORD]) * right;
    lower = $signed(extended[2*WORD +: WORD]) * left + $signed(extended[3*WORD +: WORD]) * right;
    exact = upper * above + lower * below;
    blended = RESULT_BITS'(exact);
  end

endmodule
