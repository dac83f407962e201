#pragma once

/*
 * store_file: the rules where there is no Redis, with their revisions: state_dir/store.json. It is
 * read at start, and written whole for each change by a short-lived child: beside, fsync, rename,
 * fsync of the folder. Whenever the gateway is killed, one or the other version is there.
 */

#include "lib/buf.h"

#include <errno.h>
#include <stdint.h>

#define STORE_FILE_NAME "store.json"
#define STORE_FILE_UNKNOWN (-EINPROGRESS) /* whether the file was replaced is not known */

struct change;
struct history;
struct revision;
struct rules;
struct store_file;

struct uv_loop_s;

typedef void (*store_file_fn)(void *userdata, int error);

struct store_file *store_file_new(struct uv_loop_s *loop, const char *state_dir);
/* Waits for a child, but not for a disk that hangs. Run the loop once more. NULL is allowed. */
void store_file_free(struct store_file *f);
/* Sets all of it in `rules`, and appends the revisions to `history`. 0; 1: it was damaged and moved
 * away (keep.h), and what was before it is loaded; -ENOENT: there is no such file; -EBADMSG: it was
 * damaged, and so is the one before it; or another negative errno. But for the first and -ENOENT
 * `error` has the reason. */
int store_file_load(struct store_file *f, struct rules *rules, struct history *history,
		    struct buf *error);
/* Sets in `rules` what is there, and changes nothing. 0 or a negative errno, as above. */
int store_file_look(const char *state_dir, struct rules *rules) __attribute__((warn_unused_result));
bool store_file_busy(const struct store_file *f);
/* Must not be busy. Writes what the change makes of the file, with this revision behind those of
 * `history`; then `done` is called: 0, and store_file_put is due; STORE_FILE_UNKNOWN; or another
 * negative errno, and nothing has changed. However the child ended, the file itself is asked. 0, or
 * a negative errno: `done` is not called. */
int store_file_write(struct store_file *f, const struct change *change,
		     const struct history *history, const struct revision *revision,
		     store_file_fn done, void *userdata) __attribute__((warn_unused_result));
/* Can it be written? As store_file_write. */
int store_file_probe(struct store_file *f, store_file_fn done, void *userdata)
    __attribute__((warn_unused_result));
/* What the change touched, into the rules. */
void store_file_put(const struct store_file *f, const struct change *change, struct rules *rules);
