/* Folders of scores made by hand, for the tests of headsift status.
 * Every name is relative to the test's folder. */
#ifndef HS_TESTS_STATUS_SUPPORT_H
#define HS_TESTS_STATUS_SUPPORT_H

#include "support.h"

#include "status/status.h"

enum { NOW = 1767225600 }; /* 2026-01-01T00:00:00Z */

/** Makes an empty folder of this name under the build's scratch folder, the place of all that follows. */
void status_folder(const char *name);
const char *status_path(const char *name);
/** A file with this text; folders in its name are made. */
void put(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** score.json of n inputs. */
void put_settings(int n, long long limit);
/** The index of an input: n units of `rows` records and `weight` bytes each. */
void put_index(int input, int n, int rows, int weight);
/** A finished unit of 10 documents, 1 without a score, and 1000 tokens: its line and its part. */
void put_done(int input, int unit);

/** A rank's report; what is 0 or NULL gets a usual value. */
struct told {
    int rank, world;
    const char *state, *host, *message, *part;
    int started, age;   /**< seconds before NOW; 0: 3600, 2 */
    double work, done;  /**< 0: 100, 50 */
    double rate, share; /**< tokens/s: 0: 10; of the part */
    long long tokens;   /**< of the call; 0: 1000 */
};
void put_rank(struct told told);

/** Within 1e-9, relative above 1. */
void assert_near(double value, double wanted);

/** The folder as it is seen at NOW; a failure fails the test. Release it with hs_folder_free. */
struct hs_folder see(void);
/** Of the folder, as text or as JSON: in memory of this function. */
const char *seen_text(bool all);
const char *seen_json(void);

#endif
