#include "bignum.h"

#include <mbedtls/bignum.h>
#include <mbedtls/private_access.h>
#include <openssl/crypto.h>
#include <openssl/obj_mac.h>

BN_CTX *
bignum_scratch(void)
{
	static BN_CTX *scratch;

	if (!scratch)
		scratch = BN_CTX_new();
	return scratch;
}

/* Limbs are the machine's words, the lowest first, as is their order of bytes. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "limbs are read as bytes");

BIGNUM *
bignum_from(const mbedtls_mpi *m)
{
	return BN_lebin2bn((const unsigned char *)m->MBEDTLS_PRIVATE(p),
			   (int)(m->MBEDTLS_PRIVATE(n) * sizeof(mbedtls_mpi_uint)), NULL);
}

int
bignum_to(const BIGNUM *b, mbedtls_mpi *m)
{
	unsigned char bytes[MBEDTLS_MPI_MAX_SIZE];
	int n = BN_num_bytes(b), r;

	if (n > (int)sizeof bytes)
		return MBEDTLS_ERR_MPI_BAD_INPUT_DATA;
	BN_bn2bin(b, bytes);
	r = mbedtls_mpi_read_binary(m, bytes, (size_t)n);
	OPENSSL_cleanse(bytes, (size_t)n);
	return r;
}

EC_GROUP *
curve_of(mbedtls_ecp_group_id id)
{
	static EC_GROUP *curves[3];
	int which, name;

	switch (id) {
	case MBEDTLS_ECP_DP_SECP256R1:
		which = 0;
		name = NID_X9_62_prime256v1;
		break;
	case MBEDTLS_ECP_DP_SECP384R1:
		which = 1;
		name = NID_secp384r1;
		break;
	case MBEDTLS_ECP_DP_SECP521R1:
		which = 2;
		name = NID_secp521r1;
		break;
	default:
		return NULL;
	}
	if (!curves[which])
		curves[which] = EC_GROUP_new_by_curve_name(name);
	return curves[which];
}

EC_POINT *
curve_point(const EC_GROUP *curve, const mbedtls_ecp_group *group, const mbedtls_ecp_point *p)
{
	unsigned char bytes[CURVE_POINT_MAX];
	EC_POINT *point = EC_POINT_new(curve);
	size_t n;

	/* EC_POINT_oct2point refuses what is not on the curve. */
	if (point &&
	    mbedtls_ecp_point_write_binary(group, p, MBEDTLS_ECP_PF_UNCOMPRESSED, &n, bytes,
					   sizeof bytes) == 0 &&
	    EC_POINT_oct2point(curve, point, bytes, n, bignum_scratch()) == 1)
		return point;
	EC_POINT_free(point);
	return NULL;
}
