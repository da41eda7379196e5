/* x */
/* y */
#include "model/internal.h"
