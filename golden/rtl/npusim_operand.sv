// What a stage reads: a register of the bus, extended by its own sign, or a constant; or its negative.
module npusim_operand #(
    parameter int WORD = 64,
    parameter int REGISTER_BITS = 1,
    parameter bit IS_REGISTER = 1'b0,
    parameter int OFFSET = 0,
    parameter int BITS = 0,
    parameter bit SIGNED = 1'b0,
    parameter bit NEGATIVE = 1'b0,
    parameter logic [63:0] CONSTANT = 64'd0
) (
    input  logic        [REGISTER_BITS-1:0] registers,
    output logic signed [WORD-1:0]          value
);

  logic signed [WORD-1:0] read;

  generate
    if (!IS_REGISTER) begin : g_constant
      assign read = WORD'($signed({1'b0, CONSTANT}));
    end else if (BITS == 0) begin : g_missing
      assign read = '0;
    end else begin : g_register
      logic [BITS-1:0] field;
      logic            top;
      assign field = registers[OFFSET +: BITS];
      assign top = SIGNED & field[BITS-1];
      always_comb begin
        read = WORD'($signed({top, field}));
      end
    end
  endgenerate

  always_comb begin
    value = NEGATIVE ? -read : read;
  end

endmodule
