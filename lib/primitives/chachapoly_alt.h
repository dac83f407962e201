#pragma once

/* chachapoly_alt: the context that mbedTLS asks for (MBEDTLS_CHACHAPOLY_ALT). */

#include "aead.h"

typedef struct aead mbedtls_chachapoly_context;
