// W7: what an input's pipeline made of a code, or the code itself where input and output have one scale.
module npusim_bypass #(
    parameter int CODE_BITS = 8,
    parameter bit CODE_SIGNED = 1'b1,
    parameter int WORD = 64
) (
    input  logic                   copied,
    input  logic [CODE_BITS-1:0]   code,
    input  logic signed [WORD-1:0] rescaled,
    output logic signed [WORD-1:0] result
);

  logic                   top;
  logic signed [WORD-1:0] extended;

  always_comb begin
    top = CODE_SIGNED & code[CODE_BITS-1];
    extended = WORD'($signed({top, code}));
    result = copied ? extended : rescaled;
  end

endmodule
