// A tile of MAC columns that share their beats' timing; columns behind the last output are not enabled.
module npusim_mac_array #(
    parameter int COLUMNS = 4,
    parameter int LANES = 16,
    parameter int ACTIVATION_BITS = 8,
    parameter bit ACTIVATION_SIGNED = 1'b1,
    parameter int WEIGHT_BITS = 8,
    parameter bit WEIGHT_SIGNED = 1'b1,
    parameter int ZERO_POINT_MODE = npusim_codes::ZERO_POINT_FOLDED,
    parameter int BEAT_BITS = 19,
    parameter int TREE_BITS = 19,
    parameter int TREE_OVERFLOW = 255,
    parameter int ACCUMULATOR_BITS = 32,
    parameter int ACCUMULATOR_OVERFLOW = npusim_codes::OVERFLOW_SATURATE,
    parameter int BIAS_BITS = 32,
    parameter int BIAS_PLACE = npusim_codes::BIAS_PRELOAD,
    parameter int ZERO_BITS = 9
) (
    input  logic                                     clk,
    input  logic                                     valid,
    input  logic                                     first,
    input  logic                                     last,
    input  logic [COLUMNS-1:0]                       enable,
    input  logic [COLUMNS*LANES*ACTIVATION_BITS-1:0] activations,   // column 0 lowest
    input  logic [COLUMNS*LANES*WEIGHT_BITS-1:0]     weights,
    input  logic [COLUMNS*ZERO_BITS-1:0]             x_zeros,
    input  logic [COLUMNS*ZERO_BITS-1:0]             weight_zeros,
    input  logic [COLUMNS*BIAS_BITS-1:0]             biases,
    input  logic [COLUMNS*ACCUMULATOR_BITS-1:0]      held,          // 0 unless passes go on (A7)
    output logic [COLUMNS*ACCUMULATOR_BITS-1:0]      accumulators
);

  logic [COLUMNS-1:0] active;

  always_comb begin
    active = valid ? enable : {COLUMNS{1'b0}};
  end

  genvar column;
  generate
    for (column = 0; column < COLUMNS; column = column + 1) begin : g_column
      logic signed [ZERO_BITS-1:0] x_zero, weight_zero;
      logic signed [BIAS_BITS-1:0] bias;
      logic signed [ACCUMULATOR_BITS-1:0] column_held;
      assign x_zero = x_zeros[column*ZERO_BITS +: ZERO_BITS];
      assign weight_zero = weight_zeros[column*ZERO_BITS +: ZERO_BITS];
      assign bias = biases[column*BIAS_BITS +: BIAS_BITS];
      assign column_held = held[column*ACCUMULATOR_BITS +: ACCUMULATOR_BITS];
      npusim_mac_column #(
          .LANES(LANES), .ACTIVATION_BITS(ACTIVATION_BITS), .ACTIVATION_SIGNED(ACTIVATION_SIGNED),
          .WEIGHT_BITS(WEIGHT_BITS), .WEIGHT_SIGNED(WEIGHT_SIGNED), .ZERO_POINT_MODE(ZERO_POINT_MODE),
          .BEAT_BITS(BEAT_BITS), .TREE_BITS(TREE_BITS), .TREE_OVERFLOW(TREE_OVERFLOW),
          .ACCUMULATOR_BITS(ACCUMULATOR_BITS), .ACCUMULATOR_OVERFLOW(ACCUMULATOR_OVERFLOW),
          .BIAS_BITS(BIAS_BITS), .BIAS_PLACE(BIAS_PLACE), .ZERO_BITS(ZERO_BITS)
      ) mac (
          .clk(clk), .valid(active[column]), .first(first), .last(last),
          .activations(activations[column*LANES*ACTIVATION_BITS +: LANES*ACTIVATION_BITS]),
          .weights(weights[column*LANES*WEIGHT_BITS +: LANES*WEIGHT_BITS]),
          .x_zero(x_zero), .weight_zero(weight_zero), .bias(bias), .held(column_held),
          .accumulator(accumulators[column*ACCUMULATOR_BITS +: ACCUMULATOR_BITS])
      );
    end
  endgenerate

endmodule
