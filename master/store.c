#include "store.h"

#include "master.h"

const char *
store_revision(const struct master *m)
{
	return m->writes.revision;
}
