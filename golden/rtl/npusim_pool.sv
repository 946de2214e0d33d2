// W6: one window of a pool, a position a clock: the greatest code, or the exact sum of the codes' distances
// to the zero point. Positions that are not `in_image` lie in the padding: they never win, and add nothing.
module npusim_pool #(
    parameter bit MAXIMUM = 1'b0,
    parameter int CODE_BITS = 8,
    parameter bit CODE_SIGNED = 1'b1,
    parameter int SUM_BITS = 32
) (
    input  logic                       clk,
    input  logic                       valid,
    input  logic                       first,   // of a window
    input  logic                       in_image,
    input  logic [CODE_BITS-1:0]       code,
    input  logic signed [CODE_BITS:0]  x_zero,
    output logic signed [SUM_BITS-1:0] pooled
);

  localparam int WORD = SUM_BITS > CODE_BITS + 2 ? SUM_BITS + 1 : CODE_BITS + 3;
  localparam logic signed [WORD-1:0] ONE = 1;
  localparam logic signed [WORD-1:0] LEAST = CODE_SIGNED ? -(ONE <<< (CODE_BITS - 1)) : 0;

  logic                   top;
  logic signed [WORD-1:0] x, start, held, greater, sum, made, next;

  always_comb begin
    top = CODE_SIGNED & code[CODE_BITS-1];
    x = WORD'($signed({top, code}));
    start = MAXIMUM ? LEAST : WORD'(0);
    held = first ? start : WORD'(pooled);
    greater = x > held ? x : held;
    sum = held + x - WORD'(x_zero);
    made = MAXIMUM ? greater : sum;
    next = in_image ? made : held;
  end

  always_ff @(posedge clk) begin
    if (valid) pooled <= SUM_BITS'(next);
  end

endmodule
