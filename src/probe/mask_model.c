/* headsift_mask_model: heads that belong to a model, made uniform in a copy of it.
 * The copy itself is src/model's; here the two are checked against each other. */
#include "engine/scorer.h"

headsift_status headsift_mask_model(headsift_model *model, const headsift_heads *heads, const char *directory,
                                    bool overwrite, const headsift_monitor *monitor, headsift_error *error) {
    HS_TRY(headsift_heads_check(heads, model, monitor, error));
    return hs_model_write_masked(model->model, heads->heads, heads->n_heads, directory, overwrite, monitor, error);
}
