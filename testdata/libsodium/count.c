/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * count CALL N makes a call of libsodium N times. The difference of two runs is what a
 * call takes.
 */
#include <sodium.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	static unsigned char buf[128], key[32], nonce[12], mac[16];
	crypto_onetimeauth_state poly;
	crypto_generichash_state hash;
	long n;

	if (argc != 3 || sodium_init() < 0)
		return 1;
	n = atol(argv[2]);
	crypto_onetimeauth_init(&poly, key);
	crypto_generichash_init(&hash, NULL, 0, 32);
	switch (argv[1][0]) {
	case 'p':	/* poly1305 */
		while (n--)
			crypto_onetimeauth_update(&poly, buf, 0);
		return 0;
	case 'c':	/* chacha20 */
		while (n--)
			crypto_stream_chacha20_ietf_xor_ic(buf, buf, 0, nonce, 0, key);
		return 0;
	case 'b':	/* blake2b */
		while (n--)
			crypto_generichash_update(&hash, buf, sizeof(buf));
		return 0;
	case 'a':	/* aead */
		while (n--)
			crypto_aead_chacha20poly1305_ietf_encrypt_detached(buf, mac, NULL, buf, 64,
									   NULL, 0, NULL, nonce, key);
		return 0;
	}
	return 1;
}
