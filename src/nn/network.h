/* Networks as graph builders: a multi-layer perceptron F(x), F(t, x) or F(t, s, x).
 *
 *   u(t) = cos(w_i theta), sin(w_i theta), theta = pi t / 2, w_i geometric from 1 to `max_frequency`
 *   h_1  = f(W_1 x + T u(t) + S (u(s) - u(t)) + b_1)            S starts at zero
 *   h_l  = f(W_l h_{l-1} + b_l)  [+ h_{l-1} when `residual`]     l = 2..depth
 *   F    = W_out h_depth + b_out                                 f: `activation`
 *
 * The second time enters as a difference, so F(t, t, x) never depends on S: a two-time network holds a one-time network with
 * the same weights on its diagonal, before and after training. Everything trained lives in one flat array; a layout names its
 * pieces. When t and s are SHARED the whole time path is SHARED too and costs nothing per row.
 *
 * A `spectral` network (Miyato, Kataoka, Koyama, Yoshida, arXiv 1802.05957) has W / sigma for every W above, with
 * sigma = left^T W right, the largest singular value of W once the unit vectors left and right stand at its singular vectors.
 * They are pieces beside W and no gradient reaches them: pf_network_spectral_step moves them.
 */
#ifndef PF_NN_NETWORK_H
#define PF_NN_NETWORK_H

#include "activation.h"
#include "layout.h"

enum { PF_MAX_FREQUENCIES = 64 };

typedef struct pf_network_config {
  int inputs;           /* columns of x, >= 1 */
  int outputs;          /* columns of F, >= 1 */
  int width;            /* units of a hidden layer, 1..8192 */
  int depth;            /* hidden layers, 1..64 */
  int times;            /* 0, 1 or 2: how many times the network is told */
  int frequencies;      /* sinusoid pairs per time, >= 1 */
  double max_frequency; /* radians per unit time, >= 1 */
  bool residual;
  pf_activation activation; /* of the hidden layers; 0 is SiLU */
  double last_gain; /* variance of the last layer's initial weights times its fan-in, to 1e6; 0: 1/100 */
  bool
      spectral; /* weights divided by their largest singular value; of at most one time, as S starts at zero */
} pf_network_config;

/* 1 hidden unit up to the limits above; PF_USAGE names the field otherwise. */
pf_status pf_network_config_check(const pf_network_config *config, pf_error *error);

/* Fills *out (owned by the caller: pf_layout_free). Initial values: normal with variance 1/fan-in (times pf_activation_gain
 * between hidden layers, `last_gain` for the last), zero biases, zero output of the second-time branch. The last layer's weight
 * is "out.weight". Of a spectral network NAME.weight [in, out] is followed by NAME.weight.left [in] and NAME.weight.right [out],
 * which start as random directions: a few pf_network_spectral_step (5) must come before the first use. */
pf_status pf_network_layout(const pf_network_config *config, pf_layout *out, pf_error *error);

/* A checked copy of the network's flat array: *out, one float an element of the layout, to be freed with pf_free. PF_NON_FINITE
 * names the first parameter that is not finite. */
pf_status pf_network_copy_params(const pf_network_config *config, const float *params, float **out,
                                 pf_error *error);

/* F as a PER_ROW node of `outputs` columns. x: PER_ROW [inputs]; t, s: scalars, PER_ROW or SHARED (ignored
 * beyond config->times; pass x for an unused one). Parameters come from set `set` at offset 0. */
pf_node pf_network_apply(const pf_network_config *config, int set, pf_node x, pf_node t, pf_node s);
/* The same from `offset` on: one of several networks in one trained array (pf_layout_append). */
pf_node pf_network_apply_at(const pf_network_config *config, int set, int64_t offset, pf_node x, pf_node t,
                            pf_node s);

/* The same in two halves, for times that stay while many x pass: what does not depend on x in the first layer, [width],
 * b + T u(t) + S (u(s) - u(t)), and F from it. Not for a network of no times. */
pf_node pf_network_time_path(const pf_network_config *config, int set, pf_node t, pf_node s);
pf_node pf_network_apply_path(const pf_network_config *config, int set, pf_node x, pf_node path);

/* The parameters of the network of no times that equals F(t, .) of this network of one time at a fixed t: what the time adds
 * goes into the first bias. *out is the caller's (pf_free). */
pf_status pf_network_fix_time(const pf_network_config *config, const float *params, double t, float **out,
                              pf_error *error);
/* One power iteration in place on every weight of a spectral network (nothing on any other): right <- W^T left and
 * left <- W right, normalised, in double precision. params: the network's flat array, from its first piece. To be called
 * after every update of the weights, and a few times after pf_layout_initialise and wherever left and right have stopped being
 * unit vectors of this W, as in an average of parameters. A weight of zeros has no such vectors: they become NaN, and F. */
void pf_network_spectral_step(const pf_network_config *config, float *params);

/* The features u(t) of a scalar time node: [2 * frequencies]. */
pf_node pf_time_features(pf_node t, int frequencies, double max_frequency);

#endif
