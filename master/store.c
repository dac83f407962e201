#include "store.h"

#include "master.h"

const char *
store_revision(const struct master *m)
{
	const struct revision *r = revisions_in_force(m);

	return r ? r->id : "";
}
