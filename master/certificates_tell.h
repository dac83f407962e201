#pragma once

/*
 * certificates_tell: what a look at the files of certificates has found, in the log.
 */

#include "certificates.h"

/* `before`: NULL at the start. `told`: what is wrong was told when the configuration was read.
 * True: something is wrong that was not seen before. It is told when it is seen once more, as a
 * pair may be half written. */
bool certificates_tell(const struct certificates *before, struct certificates *now, bool told);
