// A8: a table addressed by code, direct (FRACTION_BITS = 0) or interpolated. Entry 0 stands lowest.
module npusim_table #(
    parameter int WORD = 64,
    parameter int INDEX_BITS = 8,
    parameter int FRACTION_BITS = 0,
    parameter bit INDEX_SIGNED = 1'b1,
    parameter int ENTRIES = 256,
    parameter int ENTRY_BITS = 8,
    parameter bit ENTRY_SIGNED = 1'b1,
    parameter int ROUNDING = 255  // 255: the result keeps its fraction bits
) (
    input  logic signed [WORD-1:0]               value,
    input  logic        [ENTRIES*ENTRY_BITS-1:0] entries,
    output logic signed [WORD-1:0]               result
);

  localparam int LAST = ENTRIES - 1;
  localparam logic [31:0] FRACTION_MASK = (32'd1 << FRACTION_BITS) - 32'd1;
  localparam logic [31:0] HALF_RANGE = 32'd1 << (INDEX_BITS + FRACTION_BITS - 1);

  logic        [31:0]           address, index, following, fraction;
  logic        [ENTRY_BITS-1:0] here_bits, next_bits;
  logic signed [WORD-1:0]       here, next, way, scaled, rounded;

  always_comb begin
    address = 32'(value) + (INDEX_SIGNED ? HALF_RANGE : 32'd0);
    index = address >> FRACTION_BITS;
    fraction = address & FRACTION_MASK;
    following = index < 32'(LAST) ? index + 32'd1 : index;
  end

  assign here_bits = entries[index*ENTRY_BITS +: ENTRY_BITS];
  assign next_bits = entries[following*ENTRY_BITS +: ENTRY_BITS];
  assign here = WORD'($signed({ENTRY_SIGNED & here_bits[ENTRY_BITS-1], here_bits}));
  assign next = WORD'($signed({ENTRY_SIGNED & next_bits[ENTRY_BITS-1], next_bits}));

  always_comb begin
    way = (next - here) * WORD'($signed({1'b0, fraction}));
    scaled = (here <<< FRACTION_BITS) + way;
  end

  generate
    if (FRACTION_BITS != 0 && ROUNDING != 255) begin : g_rounded
      npusim_shift_round #(.WORD(WORD), .ROUNDING(ROUNDING)) round (
          .value(scaled), .amount(9'(FRACTION_BITS)), .result(rounded)
      );
    end else begin : g_exact
      assign rounded = scaled;
    end
  endgenerate

  always_comb begin
    result = rounded;
  end

endmodule
