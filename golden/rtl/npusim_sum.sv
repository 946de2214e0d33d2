// The exact sum of a stage's operands: shift + inverse_shift.
module npusim_sum #(
    parameter int WORD = 64,
    parameter int TERMS = 2
) (
    input  logic        [TERMS*WORD-1:0] terms,
    output logic signed [WORD-1:0]       total
);

  integer term;

  always_comb begin
    total = 0;
    for (term = 0; term < TERMS; term = term + 1) begin
      total = total + $signed(terms[term*WORD +: WORD]);
    end
  end

endmodule
