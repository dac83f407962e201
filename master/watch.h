#pragma once

/*
 * watch: hears of changes in the folders of some files, by inotify. It may miss some (a file system
 * of the network, a link far up in a path, a full queue): who uses it looks now and then as well.
 */

struct uv_loop_s;
struct watch;

struct watch *watch_new(struct uv_loop_s *loop, void (*changed)(void *userdata), void *userdata);
void watch_free(struct watch *w);
/* The files to watch: between the two, each of them is named. What is not named is let go. */
void watch_begin(struct watch *w);
void watch_file(struct watch *w, const char *path); /* its folder, and that of what it links to */
void watch_folder(struct watch *w, const char *path);
void watch_end(struct watch *w);
