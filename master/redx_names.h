#pragma once

/*
 * redx_names: the configuration of redx and Riox under its own names, where `compatibility` is one
 * of them: redis_host, redis_timeout, plugins and so on at the top of the file, or as environment
 * variables (REDIS_HOST). Each stands for a setting of ours and is read as that one; what the file
 * says under our own name wins. What has no meaning here is told.
 */

#include "config_read.h"

/* Before the defaults. */
void redx_names_read(struct config_reader *r);
/* Was this setting given under a name of redx? */
bool redx_names_gave(const struct config_reader *r, const struct setting *s);
/* Is the key of the file one of them, and the profile redx's or Riox's? */
bool redx_names_has(const struct config_reader *r, struct slice key);
/* Appends the way out to `hint` where the key would be one of them under another profile. */
void redx_names_hint(struct slice key, struct buf *hint);
