// A7: what the operand pipelines made of each order's accumulator, added exactly before the one rounding.
module npusim_orders #(
    parameter int WORD = 64,
    parameter int ORDERS = 2
) (
    input  logic        [ORDERS*WORD-1:0] terms,  // order 0 lowest
    output logic signed [WORD-1:0]        total
);

  genvar order;
  generate
    for (order = 0; order < ORDERS; order = order + 1) begin : g_order
      logic signed [WORD-1:0] carried, term, sum;
      assign term = terms[order*WORD +: WORD];
      if (order == 0) begin : g_first
        assign carried = '0;
      end else begin : g_next
        assign carried = g_order[order-1].sum;
      end
      always_comb begin
        sum = carried + term;
      end
    end
  endgenerate

  assign total = g_order[ORDERS-1].sum;

endmodule
