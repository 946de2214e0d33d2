// W2, W3: one column of the MAC array. A beat is LANES products, summed by the tree and added into the
// accumulator when `valid`. `first` starts a new sum: from the bias, or, where that is late and added behind
// the `last` beat, from `held`, which is 0 unless a pass goes on from a partial sum (A7).
module npusim_mac_column #(
    parameter int LANES = 16,
    parameter int ACTIVATION_BITS = 8,
    parameter bit ACTIVATION_SIGNED = 1'b1,
    parameter int WEIGHT_BITS = 8,
    parameter bit WEIGHT_SIGNED = 1'b1,
    parameter int ZERO_POINT_MODE = npusim_codes::ZERO_POINT_FOLDED,
    parameter int BEAT_BITS = 19,  // exact
    parameter int TREE_BITS = 19,
    parameter int TREE_OVERFLOW = 255,
    parameter int ACCUMULATOR_BITS = 32,
    parameter int ACCUMULATOR_OVERFLOW = npusim_codes::OVERFLOW_SATURATE,
    parameter int BIAS_BITS = 32,
    parameter int BIAS_PLACE = npusim_codes::BIAS_PRELOAD,
    parameter int ZERO_BITS = 9
) (
    input  logic                               clk,
    input  logic                               valid,
    input  logic                               first,
    input  logic                               last,
    input  logic        [LANES*ACTIVATION_BITS-1:0] activations,  // lane 0 lowest
    input  logic        [LANES*WEIGHT_BITS-1:0]     weights,
    input  logic signed [ZERO_BITS-1:0]        x_zero,
    input  logic signed [ZERO_BITS-1:0]        weight_zero,
    input  logic signed [BIAS_BITS-1:0]        bias,
    input  logic signed [ACCUMULATOR_BITS-1:0] held,
    output logic signed [ACCUMULATOR_BITS-1:0] accumulator
);

  localparam int SUM_BITS = BEAT_BITS > TREE_BITS ? BEAT_BITS : TREE_BITS;
  localparam int REGISTER_BITS = ACCUMULATOR_BITS > BIAS_BITS ? ACCUMULATOR_BITS : BIAS_BITS;
  localparam int WORD = (SUM_BITS > REGISTER_BITS ? SUM_BITS : REGISTER_BITS) + 2;
  localparam bit SUBTRACTS = ZERO_POINT_MODE == npusim_codes::ZERO_POINT_SUBTRACT;
  localparam bit LATE = BIAS_PLACE == npusim_codes::BIAS_LATE;

  integer                        lane;
  logic                          x_top, w_top;
  logic [ACTIVATION_BITS-1:0]    x_code;
  logic [WEIGHT_BITS-1:0]        w_code;
  logic signed [WORD-1:0]        x, w, beat, tree, start, sum, summed, late_sum, late, next;

  always_comb begin
    beat = 0;
    for (lane = 0; lane < LANES; lane = lane + 1) begin
      x_code = activations[lane*ACTIVATION_BITS +: ACTIVATION_BITS];
      w_code = weights[lane*WEIGHT_BITS +: WEIGHT_BITS];
      x_top = ACTIVATION_SIGNED && |(x_code >> (ACTIVATION_BITS - 1));
      w_top = WEIGHT_SIGNED && |(w_code >> (WEIGHT_BITS - 1));
      x = WORD'($signed({x_top, x_code})) - (SUBTRACTS ? WORD'(x_zero) : WORD'(0));
      w = WORD'($signed({w_top, w_code})) - WORD'(weight_zero);
      beat = beat + x * w;
    end
  end

  npusim_fit #(.WORD(WORD), .BITS(TREE_BITS), .SIGNED(1'b1), .OVERFLOW(TREE_OVERFLOW)) tree_register (
      .value(beat), .result(tree)
  );

  always_comb begin
    start = LATE ? WORD'(held) : WORD'(bias);
    sum = (first ? start : WORD'(accumulator)) + tree;
  end

  npusim_fit #(
      .WORD(WORD), .BITS(ACCUMULATOR_BITS), .SIGNED(1'b1), .OVERFLOW(ACCUMULATOR_OVERFLOW)
  ) beat_register (.value(sum), .result(summed));

  always_comb begin
    late_sum = summed + WORD'(bias);
  end

  npusim_fit #(
      .WORD(WORD), .BITS(ACCUMULATOR_BITS), .SIGNED(1'b1), .OVERFLOW(ACCUMULATOR_OVERFLOW)
  ) late_register (.value(late_sum), .result(late));

  always_comb begin
    next = LATE && last ? late : summed;
  end

  always_ff @(posedge clk) begin
    if (valid) accumulator <= ACCUMULATOR_BITS'(next);
  end

endmodule
