// One primitive of a pipeline (A): compute exactly, then write into a register of BITS bits.
module npusim_stage #(
    parameter int WORD = 64,
    parameter int KIND = npusim_codes::STAGE_ADD,
    parameter int BITS = 8,
    parameter bit SIGNED = 1'b1,
    parameter int ROUNDING = 255,
    parameter int OVERFLOW = 255,
    parameter int TO_BITS = 8,
    parameter bit TO_SIGNED = 1'b1,
    parameter int INDEX_BITS = 8,
    parameter int FRACTION_BITS = 0,
    parameter bit INDEX_SIGNED = 1'b1,
    parameter int ENTRIES = 1,
    parameter int ENTRY_BITS = 1,
    parameter bit ENTRY_SIGNED = 1'b1
) (
    input  logic signed [WORD-1:0]               value,
    input  logic signed [WORD-1:0]               operand_0,
    input  logic signed [WORD-1:0]               operand_1,
    input  logic signed [WORD-1:0]               operand_sum,
    input  logic        [ENTRIES*ENTRY_BITS-1:0] entries,
    output logic signed [WORD-1:0]               result
);

  logic signed [WORD-1:0] exact;

  generate
    if (KIND == npusim_codes::STAGE_ADD) begin : g_add
      always_comb begin
        exact = value + operand_0;
      end
    end else if (KIND == npusim_codes::STAGE_MULTIPLY) begin : g_multiply
      always_comb begin
        exact = value * operand_0;
      end
    end else if (KIND == npusim_codes::STAGE_SELECT_NEGATIVE) begin : g_select_negative
      always_comb begin
        exact = value * (value < 0 ? operand_1 : operand_0);
      end
    end else if (KIND == npusim_codes::STAGE_SHIFT_LEFT) begin : g_shift_left
      always_comb begin
        exact = value <<< 9'(operand_0);
      end
    end else if (KIND == npusim_codes::STAGE_SHIFT_RIGHT) begin : g_shift_right
      logic [8:0] amount;
      always_comb begin
        amount = 9'(operand_sum);
      end
      npusim_shift_round #(.WORD(WORD), .ROUNDING(ROUNDING)) round (
          .value(value), .amount(amount), .result(exact)
      );
    end else if (KIND == npusim_codes::STAGE_CLAMP) begin : g_clamp
      logic signed [WORD-1:0] not_low;
      always_comb begin
        not_low = value < operand_0 ? operand_0 : value;
        exact = not_low > operand_1 ? operand_1 : not_low;
      end
    end else if (KIND == npusim_codes::STAGE_SATURATE) begin : g_saturate
      npusim_fit #(
          .WORD(WORD), .BITS(TO_BITS), .SIGNED(TO_SIGNED), .OVERFLOW(npusim_codes::OVERFLOW_SATURATE)
      ) fit (.value(value), .result(exact));
    end else if (KIND == npusim_codes::STAGE_WRAP) begin : g_wrap
      npusim_fit #(
          .WORD(WORD), .BITS(TO_BITS), .SIGNED(TO_SIGNED), .OVERFLOW(npusim_codes::OVERFLOW_WRAP)
      ) fit (.value(value), .result(exact));
    end else if (KIND == npusim_codes::STAGE_TABLE) begin : g_table
      npusim_table #(
          .WORD(WORD), .INDEX_BITS(INDEX_BITS), .FRACTION_BITS(FRACTION_BITS),
          .INDEX_SIGNED(INDEX_SIGNED), .ENTRIES(ENTRIES), .ENTRY_BITS(ENTRY_BITS),
          .ENTRY_SIGNED(ENTRY_SIGNED), .ROUNDING(ROUNDING)
      ) lookup (.value(value), .entries(entries), .result(exact));
    end else if (KIND == npusim_codes::STAGE_DIVIDE) begin : g_divide
      npusim_divide #(.WORD(WORD), .ROUNDING(ROUNDING)) divide (
          .value(value), .by(operand_0), .result(exact)
      );
    end else if (KIND == npusim_codes::STAGE_SIGNIFICANT) begin : g_significant
      npusim_significant #(.WORD(WORD), .ROUNDING(ROUNDING)) round (
          .value(value), .digits(operand_0), .result(exact)
      );
    end else if (KIND == npusim_codes::STAGE_FLOAT32) begin : g_float32
      npusim_float #(.WORD(WORD), .ROUNDING(ROUNDING), .TO_BITS(TO_BITS)) rescale (
          .value(value), .scale(32'(operand_0)), .result(exact)
      );
    end else begin : g_float64
      npusim_float #(
          .WORD(WORD), .SIGNIFICAND_BITS(53), .EXPONENT_BITS(11), .ROUNDING(ROUNDING), .TO_BITS(TO_BITS)
      ) rescale (.value(value), .scale(64'(operand_0)), .result(exact));
    end
  endgenerate

  npusim_fit #(.WORD(WORD), .BITS(BITS), .SIGNED(SIGNED), .OVERFLOW(OVERFLOW)) register (
      .value(exact), .result(result)
  );

endmodule
