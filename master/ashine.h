#pragma once

/*
 * ashine: a-shine's gateway.conf.yaml as a configuration. What it says below `gateway:` is
 * translated into our own settings, with the lines of the operator's file, and then read as every
 * other file is; our own settings may stand beside it.
 *
 * Both of its forms are known: services in two lists, and one flat list with `authenticated`. Its
 * keys are told apart without regard to case, as its own reader does. What is not understood is
 * refused: a service without a path was mounted at / there, and let everybody in.
 *
 * Meant otherwise here: the longest path wins (there the first that was written, which is warned
 * of), and an origin is answered with itself alone.
 */

#include "config_read.h"

/* The root that is to be read: the one that was given, where it has no `gateway`. Mistakes are in
 * r->mistakes. */
const struct node *ashine_translate(struct config_reader *r, const struct node *root);
