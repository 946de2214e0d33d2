// A2: a value written into a register of BITS bits, by its overflow rule. BITS < WORD.
module npusim_fit #(
    parameter int WORD = 64,
    parameter int BITS = 8,
    parameter bit SIGNED = 1'b1,
    parameter int OVERFLOW = npusim_codes::OVERFLOW_SATURATE
) (
    input  logic signed [WORD-1:0] value,
    output logic signed [WORD-1:0] result
);

  localparam logic signed [WORD-1:0] ONE = 1;
  localparam logic signed [WORD-1:0] ZERO = 0;
  localparam logic signed [WORD-1:0] MASK = (ONE <<< BITS) - ONE;
  localparam logic signed [WORD-1:0] HALF = ONE <<< (BITS - 1);
  localparam logic signed [WORD-1:0] LOW = SIGNED ? -HALF : ZERO;
  localparam logic signed [WORD-1:0] HIGH = SIGNED ? HALF - ONE : MASK;

  logic signed [WORD-1:0] kept, wrapped, not_low, saturated;

  always_comb begin
    kept = value & MASK;
    wrapped = kept > HIGH ? kept - MASK - ONE : kept;
    not_low = value < LOW ? LOW : value;
    saturated = not_low > HIGH ? HIGH : not_low;
    result = OVERFLOW == npusim_codes::OVERFLOW_SATURATE ? saturated : wrapped;
  end

endmodule
