#pragma once

/*
 * proc_file: files of procfs, sysfs and cgroups, which say that they are empty, so that file_read
 * is for others.
 */

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

#define PROC_UNKNOWN UINT64_MAX

/* Appends 64 KiB at most. False: it is not there, or not for us. */
bool proc_read(const char *path, struct buf *out);
/* The first number in it, and unless NULL the second; PROC_UNKNOWN: there is none. */
uint64_t proc_number(const char *path, uint64_t *second);
/* The same of text. */
void proc_numbers(struct slice text, uint64_t *first, uint64_t *second);
/* What stands behind `name` in a file of lines; p NULL: it is not there. */
struct slice proc_line(const struct buf *text, const char *name);
