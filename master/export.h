#pragma once

/*
 * export: the rules in force, written down: as JSON and YAML that `yett apply` makes the same
 * rules of (apply.h), and as commands for redis-cli that make them in the Redis of redx.
 */

struct buf;
struct json;
struct rules;

/* {"routes": {NAME: {...}}, ..., "backends": {NAME: {SERVER: "score"}}}: all families, and of what
 * is refused the last good version, where there is one. */
void export_json(const struct rules *r, struct buf *out);
/* What export_json wrote, a rule a line. */
void export_yaml(const struct json *families, struct buf *out);
/* What of it redx has no words for goes to `left`, "FAMILY.NAME" a line. */
void export_redx(const struct json *families, struct buf *out, struct buf *left);
