// A: a pipeline of stages as a package of `npusim datapath sv` describes it; combinational, or with a
// register behind every stage. Registers and tables are held while values are under way.
module npusim_pipeline #(
    parameter int STAGES = 1,
    parameter int INPUT_BITS = 32,
    parameter int WORD = 64,
    parameter int OPERANDS = 2,
    parameter int REGISTERS = 1,
    parameter int REGISTER_BITS = 1,
    parameter logic [16*REGISTERS-1:0] REGISTER_OFFSETS = '0,
    parameter logic [8*REGISTERS-1:0] REGISTER_WIDTHS = '0,
    parameter logic [REGISTERS-1:0] REGISTER_SIGNS = '0,
    parameter logic [8*STAGES-1:0] KINDS = '0,
    parameter logic [8*STAGES-1:0] BITS = '0,
    parameter logic [STAGES-1:0] SIGNS = '1,
    parameter logic [8*STAGES-1:0] ROUNDINGS = '1,
    parameter logic [8*STAGES-1:0] OVERFLOWS = '1,
    parameter logic [8*STAGES*OPERANDS-1:0] OPERAND_FIELDS = '1,
    parameter logic [STAGES*OPERANDS-1:0] OPERAND_NEGATIVE = '0,
    parameter logic [64*STAGES*OPERANDS-1:0] OPERAND_CONSTANTS = '0,
    parameter logic [8*STAGES-1:0] TO_BITS = '0,
    parameter logic [STAGES-1:0] TO_SIGNS = '1,
    parameter logic [8*STAGES-1:0] INDEX_BITS = '0,
    parameter logic [8*STAGES-1:0] FRACTION_BITS = '0,
    parameter logic [STAGES-1:0] INDEX_SIGNS = '1,
    parameter int TABLE_ENTRIES = 1,
    parameter int TABLE_BITS = 1,
    parameter bit TABLE_SIGNED = 1'b1,
    parameter bit PIPELINED = 1'b0
) (
    input  logic                                       clk,  // only when PIPELINED
    input  logic signed [INPUT_BITS-1:0]               value,
    input  logic        [REGISTER_BITS-1:0]            registers,
    input  logic        [TABLE_ENTRIES*TABLE_BITS-1:0] entries,
    output logic signed [WORD-1:0]                     result
);

  genvar stage, slot;
  generate
    for (stage = 0; stage < STAGES; stage = stage + 1) begin : g_stage
      logic signed [WORD-1:0]          entering, computed, leaving, total, operand_0, operand_1;
      logic        [OPERANDS*WORD-1:0] operands;

      for (slot = 0; slot < OPERANDS; slot = slot + 1) begin : g_operand
        localparam int PLACE = stage * OPERANDS + slot;
        localparam int FIELD = 32'(OPERAND_FIELDS[8*PLACE +: 8]);
        localparam bit IS_REGISTER = FIELD != npusim_codes::CONSTANT;
        localparam int INDEX = IS_REGISTER ? FIELD : 0;
        npusim_operand #(
            .WORD(WORD), .REGISTER_BITS(REGISTER_BITS), .IS_REGISTER(IS_REGISTER),
            .OFFSET(32'(REGISTER_OFFSETS[16*INDEX +: 16])), .BITS(32'(REGISTER_WIDTHS[8*INDEX +: 8])),
            .SIGNED(REGISTER_SIGNS[INDEX]), .NEGATIVE(OPERAND_NEGATIVE[PLACE]),
            .CONSTANT(OPERAND_CONSTANTS[64*PLACE +: 64])
        ) operand (.registers(registers), .value(operands[WORD*slot +: WORD]));
      end

      assign operand_0 = operands[0 +: WORD];
      assign operand_1 = operands[WORD +: WORD];
      npusim_sum #(.WORD(WORD), .TERMS(OPERANDS)) shift (.terms(operands), .total(total));

      npusim_stage #(
          .WORD(WORD), .KIND(32'(KINDS[8*stage +: 8])), .BITS(32'(BITS[8*stage +: 8])),
          .SIGNED(SIGNS[stage]), .ROUNDING(32'(ROUNDINGS[8*stage +: 8])),
          .OVERFLOW(32'(OVERFLOWS[8*stage +: 8])), .TO_BITS(32'(TO_BITS[8*stage +: 8])),
          .TO_SIGNED(TO_SIGNS[stage]), .INDEX_BITS(32'(INDEX_BITS[8*stage +: 8])),
          .FRACTION_BITS(32'(FRACTION_BITS[8*stage +: 8])), .INDEX_SIGNED(INDEX_SIGNS[stage]),
          .ENTRIES(TABLE_ENTRIES), .ENTRY_BITS(TABLE_BITS), .ENTRY_SIGNED(TABLE_SIGNED)
      ) compute (
          .value(entering), .operand_0(operand_0), .operand_1(operand_1), .operand_sum(total),
          .entries(entries), .result(computed)
      );

      if (PIPELINED) begin : g_register
        always_ff @(posedge clk) leaving <= computed;
      end else begin : g_wire
        assign leaving = computed;
      end

      if (stage == 0) begin : g_first
        assign entering = WORD'(value);
      end else begin : g_next
        assign entering = g_stage[stage-1].leaving;
      end
    end
  endgenerate

  assign result = g_stage[STAGES-1].leaving;

endmodule
