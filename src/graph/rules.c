/* Derivatives of the element-wise ops.
 *
 * For y = f(a, b, c) item by item the Jacobian with respect to one operand is diagonal, hence its own
 * transpose: the map t -> t * df/d(operand k) turns tangents of that operand into tangents of y, and
 * cotangents of y into cotangents of that operand (before they are summed over broadcast axes). So each op
 * states its derivative once, in terms of ops, and the op set is closed under grad and jvp to any order.
 *
 * Where f has a kink the rule takes the value of one side: abs' (0) = 0; max and min pass everything to b at
 * a tie.
 */
#include "build_util.h"
#include "../base/canary.h"

static const double two_over_sqrt_pi = 1.12837916709551257390;

bool pf_op_differentiable(pf_op op, int k) {
  switch (op) {
  case PF_OP_SELECT: return k != 0;
  case PF_OP_SIGN:
  case PF_OP_LESS:
  case PF_OP_GATHER:
  case PF_OP_STOP_GRADIENT: return false;
  default: return true;
  }
}

/* t where the condition holds, or where it does not (k counts the branch); zero elsewhere. A product with 0
 * or 1 would turn an infinite t into NaN. */
static pf_node pass_where(pf_node condition, bool holds, pf_node t) {
  pf_node zero = pf_scalar(t.graph, 0);
  return holds ? pf_select(condition, t, zero) : pf_select(condition, zero, t);
}

/* s (1 - s) (2 + a (1 - 2 s)), s = sigmoid(a) */
static pf_node silu_curvature(pf_node a) {
  pf_node one = pf_scalar(a.graph, 1), s = pf_sigmoid(a);
  pf_node turn = pf_offset(pf_mul(a, pf_sub(one, pf_scale(s, 2))), 2);
  return pf_mul(pf_mul(s, pf_sub(one, s)), turn);
}

static pf_node rule_unary(pf_op op, pf_node y, pf_node a, pf_node t) {
  pf_node one = pf_scalar(t.graph, 1);
  switch (op) {
  case PF_OP_NEG: return pf_neg(t);
  case PF_OP_EXP: return pf_mul(t, y);
  case PF_OP_LOG: return pf_div(t, a);
  case PF_OP_SQRT: return pf_div(pf_scale(t, 0.5), y);
  case PF_OP_TANH: return pf_scale(pf_mul(t, pf_sub(one, pf_square(y))), PF_CANARY(GRAD_SIGN, 1, -1));
  case PF_OP_SIGMOID: return pf_mul(t, pf_mul(y, pf_sub(one, y)));
  case PF_OP_SILU: return pf_mul(t, pf_silu_slope(a));
  case PF_OP_SILU_SLOPE: return pf_mul(t, silu_curvature(a));
  case PF_OP_SOFTPLUS: return pf_mul(t, pf_sigmoid(a));
  case PF_OP_LOG_2COSH: return pf_mul(t, pf_tanh(a));
  case PF_OP_SIN: return pf_mul(t, pf_cos(a));
  case PF_OP_COS: return pf_neg(pf_mul(t, pf_sin(a)));
  case PF_OP_ERF: return pf_mul(t, pf_scale(pf_exp(pf_neg(pf_square(a))), two_over_sqrt_pi));
  case PF_OP_ABS: return pf_mul(t, pf_sign(a));
  default: return pf_graph_fail(t.graph, PF_FAILED, "%s: no derivative rule", pf_op_name(op));
  }
}

pf_node pf_rule_elementwise(pf_node node, int k, pf_node t) {
  pf_node_data data = *pf_node_get(node);
  pf_node a = pf_node_at(node.graph, data.operand[0]);
  if (data.operands == 1) return rule_unary(data.op, node, a, t);
  pf_node b = pf_node_at(node.graph, data.operand[1]);
  switch (data.op) {
  case PF_OP_ADD: return t;
  case PF_OP_SUB: return k == 0 ? t : pf_neg(t);
  case PF_OP_MUL: return k == 0 ? pf_mul(t, b) : pf_scale(pf_mul(t, a), PF_CANARY(DROP_TERM, 1, 0));
  case PF_OP_DIV: return k == 0 ? pf_div(t, b) : pf_neg(pf_div(pf_mul(t, node), b));
  case PF_OP_MAX: return pass_where(pf_less(b, a), k == 0, t);
  case PF_OP_MIN: return pass_where(pf_less(a, b), k == 0, t);
  case PF_OP_SELECT: return pass_where(a, k == 1, t);
  default: return pf_graph_fail(t.graph, PF_FAILED, "%s: no derivative rule", pf_op_name(data.op));
  }
}
