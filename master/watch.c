#include "watch.h"

#include "lib/map.h"
#include "lib/xalloc.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <uv.h>

struct watched {
	uv_fs_event_t event;
	struct watch *watch;
	dev_t device; /* of the folder that is heard of: another may stand at its path by now */
	ino_t number;
	bool named;
};

struct watch {
	uv_loop_t *loop;
	struct map folders; /* struct watched, by path */
	void (*changed)(void *userdata);
	void *userdata;
};

struct watch *
watch_new(uv_loop_t *loop, void (*changed)(void *userdata), void *userdata)
{
	struct watch *w = xcalloc(1, sizeof *w);

	w->loop = loop;
	w->changed = changed;
	w->userdata = userdata;
	return w;
}

static void
on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
forget(void *value)
{
	struct watched *f = value;

	if (f)
		uv_close((uv_handle_t *)&f->event, on_closed);
}

void
watch_free(struct watch *w)
{
	if (!w)
		return;
	map_deinit(&w->folders, forget);
	free(w);
}

static void
on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
	struct watched *f = event->data;

	(void)name;
	(void)events;
	(void)status;
	f->watch->changed(f->watch->userdata);
}

void
watch_begin(struct watch *w)
{
	for (size_t i = 0; i < w->folders.count; i++)
		((struct watched *)w->folders.entries[i].value)->named = false;
}

static struct watched *
folder_get(struct watch *w, const char *path)
{
	void **place = map_put(&w->folders, slice_of(path));
	struct watched *f = *place;

	if (!f) {
		*place = f = xcalloc(1, sizeof *f);
		f->watch = w;
		f->event.data = f;
		if (uv_fs_event_init(w->loop, &f->event) < 0)
			abort(); /* it only fills the struct */
	}
	return f;
}

void
watch_folder(struct watch *w, const char *path)
{
	struct watched *f = folder_get(w, path);
	struct stat st = { 0 };

	f->named = true;
	if (stat(path, &st) == 0 && st.st_ino == f->number && st.st_dev == f->device)
		return;
	uv_fs_event_stop(&f->event);
	/* Where it cannot be heard of, it is tried again the next time. */
	if (st.st_ino == 0 || uv_fs_event_start(&f->event, on_event, path, 0) < 0)
		st = (struct stat){ 0 };
	f->number = st.st_ino;
	f->device = st.st_dev;
}

static void
watch_parent(struct watch *w, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : NULL;

	watch_folder(w, folder ? folder : ".");
	free(folder);
}

void
watch_file(struct watch *w, const char *path)
{
	char *real = realpath(path, NULL);

	watch_parent(w, path);
	if (real)
		watch_parent(w, real);
	free(real);
}

void
watch_end(struct watch *w)
{
	for (size_t i = w->folders.count; i-- > 0;) {
		struct watched *f = w->folders.entries[i].value;

		if (!f->named)
			forget(map_take(&w->folders, map_name(&w->folders.entries[i])));
	}
}
