// W5, W7: two codes aligned by the operand pipeline, combined exactly, rescaled by the result pipeline.
// The emitted wrapper instantiates the pipelines; this is what stands between them.
module npusim_add #(
    parameter int COMBINATION = npusim_codes::COMBINE_SUM,
    parameter int A_BITS = 25,
    parameter int RESULT_BITS = 26
) (
    input  logic signed [A_BITS-1:0]      a,
    input  logic signed [A_BITS-1:0]      b,
    output logic signed [RESULT_BITS-1:0] result
);

  localparam int WORD = 2 * A_BITS + 1;

  logic signed [WORD-1:0] exact;

  always_comb begin
    case (COMBINATION)
      npusim_codes::COMBINE_DIFFERENCE: exact = WORD'(a) - WORD'(b);
      npusim_codes::COMBINE_PRODUCT:    exact = WORD'(a) * WORD'(b);
      npusim_codes::COMBINE_MINIMUM:    exact = a < b ? WORD'(a) : WORD'(b);
      npusim_codes::COMBINE_MAXIMUM:    exact = a < b ? WORD'(b) : WORD'(a);
      default:                          exact = WORD'(a) + WORD'(b);
    endcase
    result = RESULT_BITS'(exact);
  end

endmodule
