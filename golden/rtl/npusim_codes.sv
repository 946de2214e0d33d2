// The codes that packages of `npusim datapath sv` use for rules and stages.
package npusim_codes;

  // A1
  localparam int ROUND_FLOOR = 0;
  localparam int ROUND_HALF_UP = 1;
  localparam int ROUND_HALF_DOWN = 2;
  localparam int ROUND_HALF_TOWARD_ZERO = 3;
  localparam int ROUND_HALF_AWAY = 4;
  localparam int ROUND_HALF_EVEN = 5;
  localparam int ROUND_HALF_ODD = 6;
  localparam int ROUND_TOWARD_ZERO = 7;
  localparam int ROUND_CEIL = 8;
  localparam int ROUND_AWAY = 9;

  // A2; a register without a rule (255) always fits, and keeps the low bits
  localparam int OVERFLOW_SATURATE = 0;
  localparam int OVERFLOW_WRAP = 1;

  // W2
  localparam int ZERO_POINT_FOLDED = 0;
  localparam int ZERO_POINT_SUBTRACT = 1;

  // W3
  localparam int BIAS_PRELOAD = 0;
  localparam int BIAS_LATE = 1;

  // A
  localparam int STAGE_ADD = 0;
  localparam int STAGE_CLAMP = 1;
  localparam int STAGE_FLOAT32 = 2;
  localparam int STAGE_MULTIPLY = 3;
  localparam int STAGE_SATURATE = 4;
  localparam int STAGE_SELECT_NEGATIVE = 5;
  localparam int STAGE_SHIFT_LEFT = 6;
  localparam int STAGE_SHIFT_RIGHT = 7;
  localparam int STAGE_TABLE = 8;
  localparam int STAGE_WRAP = 9;
  localparam int STAGE_DIVIDE = 10;
  localparam int STAGE_FLOAT64 = 11;
  localparam int STAGE_SIGNIFICANT = 12;

  // In place of a register's index: the operand is a constant
  localparam int CONSTANT = 255;

  // W5
  localparam int COMBINE_SUM = 0;
  localparam int COMBINE_DIFFERENCE = 1;
  localparam int COMBINE_PRODUCT = 2;

  // W7
  localparam int COMBINE_MINIMUM = 3;
  localparam int COMBINE_MAXIMUM = 4;

endpackage
