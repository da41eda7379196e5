/* A run's folder made by hand, so that a test knows every number in it: @/run with heads.json, scores, a selection and
 * a result of each kind. Names and texts in it are hostile. */
#ifndef HS_TESTS_REPORT_SCENE_H
#define HS_TESTS_REPORT_SCENE_H

#include "select_support.h"

enum { SCENE_DOCUMENTS = 120, SCENE_LAYERS = 4, SCENE_HEADS = 3 };

/** The text that must stay text. */
#define EVIL "</script><script>alert(1)</script>"

/** Makes @/run and the documents beside it: 60 of domain "prose", 40 of "code", 20 of a domain whose name is markup. */
void report_scene(const char *folder);
/** Writes the report of @/run to @/NAME; fails the test unless it comes to `wanted`. */
void report_to(const char *name, const headsift_report_options *options, headsift_status wanted);

#endif
