// SPDX-License-Identifier: GPL-2.0
/*
 * A chain of owned values against a model, and under readers: who walks while
 * one writer puts, replaces and takes finds only what was there, and what is
 * never taken always.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include "../owned.h"

#define REQUIRE(x) do { \
	if (!(x)) { \
		fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x); \
		abort(); \
	} } while (0)
#define OWNERS	24
#define READERS	3
#define STEPS	200000
#define ROUNDS	20000

static char owners[OWNERS];	/* addresses are all that counts */

static u32 rnd(u64 *s, u32 n)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return (u32)(*s % n);
}

static struct bpfshim_owned *node(u32 owner, u64 value)
{
	struct bpfshim_owned *n = malloc(sizeof(*n) + 8);

	REQUIRE(n);
	n->owner = &owners[owner];
	n->value[0] = value;
	return n;
}

static void against_model(void)
{
	struct bpfshim_owned *chain = NULL, *n, *old;
	u64 model[OWNERS] = { 0 }, seed = 88172645463325252ULL;
	u32 i, k;

	for (i = 1; i <= STEPS; i++) {
		k = rnd(&seed, OWNERS);
		if (rnd(&seed, 3)) {
			old = bpfshim_owned_find(&chain, &owners[k]);
			REQUIRE(!old == !model[k]);
			bpfshim_owned_put(&chain, node(k, i), old);
			free(old);
			model[k] = i;
		} else {
			n = bpfshim_owned_take(&chain, &owners[k]);
			REQUIRE(n ? n->value[0] == model[k] : !model[k]);
			free(n);
			model[k] = 0;
		}
		k = rnd(&seed, OWNERS);
		n = bpfshim_owned_find(&chain, &owners[k]);
		REQUIRE(n ? n->value[0] == model[k] : !model[k]);
	}
	for (k = 0; k < OWNERS; k++)
		free(bpfshim_owned_take(&chain, &owners[k]));
	REQUIRE(!chain);
}

static struct bpfshim_owned *shared;
static int done, ready;

static void *reader(void *arg)
{
	u64 seed = 0x9e3779b97f4a7c15ULL + (unsigned long)arg;
	struct bpfshim_owned *n;
	u32 k;

	__atomic_fetch_add(&ready, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
		k = rnd(&seed, OWNERS);
		n = bpfshim_owned_find(&shared, &owners[k]);
		/* Owner 0 is replaced, never taken. */
		REQUIRE(n || k);
		if (n) {
			REQUIRE(n->owner == &owners[k] && n->value[0] % OWNERS == k);
		}
	}
	return NULL;
}

static void under_readers(void)
{
	struct bpfshim_owned **gone = malloc((ROUNDS + OWNERS) * sizeof(*gone)), *n;
	u64 seed = 1;
	u32 i, k, nr = 0;
	pthread_t t[READERS];

	bpfshim_owned_put(&shared, node(0, 0), NULL);
	for (i = 0; i < READERS; i++)
		REQUIRE(!pthread_create(&t[i], NULL, reader, (void *)(unsigned long)i));
	while (__atomic_load_n(&ready, __ATOMIC_ACQUIRE) < READERS)
		sched_yield();
	for (i = 0; i < ROUNDS; i++) {
		k = rnd(&seed, OWNERS);
		n = k && rnd(&seed, 2) ? bpfshim_owned_take(&shared, &owners[k]) : NULL;
		if (!n) {
			n = bpfshim_owned_find(&shared, &owners[k]);
			bpfshim_owned_put(&shared, node(k, (u64)i * OWNERS + k), n);
		}
		/* Readers may stand on it until they are gone. */
		if (n)
			gone[nr++] = n;
	}
	__atomic_store_n(&done, 1, __ATOMIC_RELEASE);
	for (i = 0; i < READERS; i++)
		REQUIRE(!pthread_join(t[i], NULL));
	for (k = 0; k < OWNERS; k++)
		if ((n = bpfshim_owned_take(&shared, &owners[k])))
			gone[nr++] = n;
	REQUIRE(!shared);
	while (nr)
		free(gone[--nr]);
	free(gone);
}

int main(void)
{
	u32 seen[64] = { 0 }, k, most = 0;

	against_model();
	under_readers();
	/* Owners a cache line's multiple apart spread over the chains. */
	for (k = 0; k < 64 * 16; k++)
		seen[bpfshim_owned_hash((void *)(0xffff880000000000UL + k * 4160UL), 6)]++;
	for (k = 0; k < 64; k++)
		most = seen[k] > most ? seen[k] : most;
	REQUIRE(most < 64);
	printf("%d steps, %d rounds under %d readers\n", STEPS, ROUNDS, READERS);
	return 0;
}
